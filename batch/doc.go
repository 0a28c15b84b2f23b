// Package batch is the engine: it makes an account of the service agree with
// the rows of a file, in as few calls as the API allows, and gives each row one
// verdict that is true.
//
// # How a run goes
//
// A file is read twice. [TakeSurvey] is the first pass: it counts, and finds the
// MACs that several rows have. A [Caller] makes the calls, at one rate;
// [Caller.ReadAccount] lists the account, once. [Run.Plan] says what would be
// done, and [Run.Do] does it: it groups the rows into calls, sends those through
// a pool of workers, and writes the verdicts in input order. Its memory is
// bounded by [Window] rows, whatever the size of the file.
//
// A [Journal] lets a run be killed: calls are on disk before they leave, verdicts
// and evidence after. [OpenJournal] returns the [History] to resume from. That is
// evidence, which may be forged: what is to be done the flags and the file say, and
// what the account's list contradicts is not believed.
//
// # Two questions
//
// What is sent first is a matter of known.route; what is sent next, of decide, a
// pure function of the change, its answer and some facts. It settles a row only
// by what an answer proves by itself. The service is not trusted to be all or
// nothing: a call without a readable answer may have been applied, or may still
// be, and a refused one may have been applied in part. A proxy may deliver a call
// twice and hand on the second answer: a refusal in the words that a granted call
// would hear as well (it is registered already, it is not there) proves nothing, but
// of a device that the list did not show and that is to be removed. Such rows stay
// open.
//
// What may be claimed of an open row is a matter of conclude, a pure function of
// what the row asks and of the evidence: what the list showed before the run, how
// far calls have come with the row, and what a list and lookups have shown since.
// When nothing else is to be done, open rows are concluded together: one list for
// all of them, then lookups of those that it cannot tell.
//
// Of a row that is to be bound, what a lookup shows decides:
//
//	bound as asked             registered, overridden, edited; unchanged if no call touched it
//	bound to another URL       exists, if no call of this run can have done that; else it
//	                           is overridden where that is allowed, or in doubt
//	bound, URL not comparable  the same; registered by the list, if the list shows it now and
//	                           did not before
//	registered elsewhere       registered-elsewhere
//	not registered             sent again; in the end refused in the service's words, or failed
//
// Of one that is to be removed:
//
//	still registered           sent again; in the end refused, or failed
//	not registered             deregistered, if the list showed it before; not-registered, if it
//	                           did not and no call was lost; else
//	                           in doubt
//
// A list alone proves presence, and of a device that was not listed before that
// this run has bound it, somewhere (proof list): a few rows are looked up all the
// same. Nothing that shows a row unchanged settles it while a lost call may still
// be applied, which is for the time-out of calls.
//
// A list may be cut short. It counts as evidence of what was there before the
// run only until something contradicts it.
package batch

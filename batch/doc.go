// Package batch is the engine: it makes an account of the service match the rows
// of a file, in as few calls as the API allows, and gives each row one true verdict.
//
// # How a run goes
//
// A file is read at least twice. [TakeSurvey] is the first pass: it counts rows, and
// finds MACs that repeat, whose rows it reads again. A [Caller] makes the calls, at
// one rate. [Run.ReadAccount] lists the account: once, or twice if it seems empty and
// should not be. [Run.Plan] shows what would be done, and [Run.Do] does it: it groups
// the rows into calls, sends those through a pool of workers, and writes the verdicts
// in input order. Its memory is bounded by [Window] rows, whatever the size of the
// file.
//
// With a [Journal] a run can be killed and resumed: calls are on disk before they
// are sent, verdicts and evidence afterwards. [OpenJournal] returns the [History] to
// resume from. It may be forged, so it is only evidence: the flags and the file say
// what to do, and whatever the account's list contradicts is not believed.
//
// # Two questions
//
// known.route decides what is sent first, and decide what is sent next: a pure
// function of the change, its answer and some facts. It settles a row only if the
// answer itself proves the verdict. The service is not trusted to be all or
// nothing: a call without a readable answer may have been applied, or may still
// be, and a refused one may have been applied in part. A proxy may deliver a call
// twice and pass on the second answer: "already registered" proves nothing, nor
// does "not there" for a device that the list showed. Such rows stay open.
//
// conclude decides what may be claimed about an open row: a pure function of what
// the row asks for and of the evidence, which is what the list showed before the
// run, how far calls have come with the row, and what a list and lookups have shown
// since. When no other work is left, the open rows are concluded together: one list
// for all of them, then a lookup of each that the list cannot decide.
//
// For a row that is to be bound, what a lookup shows decides:
//
//	bound as asked             registered, overridden, edited; unchanged if no call touched it
//	bound to another URL       exists, if no call of this run can have done that; else it
//	                           is overridden where that is allowed, or in doubt
//	bound, URL not comparable  the same; registered by the list, if the list shows it now and
//	                           did not before
//	the same but for a slash   registered, if a call was lost and the list did not show it
//	at the end or the like     before; else as if not comparable
//	registered elsewhere       registered-elsewhere
//	not registered             sent again; in the end refused in the service's words, or failed.
//	                           To be edited: not-registered, or in doubt if an edit was lost
//	                           and the list showed it before
//
// For a row that is to be removed:
//
//	still registered           sent again; in the end refused, or failed
//	not registered             deregistered, if the list showed it before; not-registered, if it
//	                           did not, no call was lost, and no refused one seems to
//	                           have been applied in part; else in doubt
//
// A list alone proves that a device is in the account and, if it was not before,
// that this run has bound it to some server (proof list). A few such rows are looked
// up all the same, before the others: all of them if they are few, else a sample of
// those that the list does not show. Until the time-out of a lost call has passed, it
// may still be applied, so nothing that shows a row unchanged settles the row.
//
// A list may be cut short. It is evidence of what was there before the run only
// until something contradicts it.
//
// # Reading order
//
// With few exceptions, each file uses only those before it:
//
//	rows       action, words, url, verdict, summary, row
//	first pass limits, config, survey, ruling, prior, only
//	proof      account, evidence, attempt, call, decide, conclude, audit
//	resuming   record, history, journal
//	calling    throttle, pace, patience, caller, stubborn
//	the plan   queue, window, known, run, plan, forecast
//	the run    engine, before, rows, answers
package batch

// Package batch is the engine: it makes an account of the service agree with
// the rows of a file, in as few calls as the API allows, and gives each row one
// verdict that is true.
//
// A file is read twice. [TakeSurvey] is the first pass: it counts, and finds
// the MACs that several rows have. [Run] is the second: it groups the rows into
// calls, sends those through a rate-limited pool of workers, and writes the
// verdicts in input order. Its memory is bounded by [Window] rows, whatever the
// size of the file, and by fewer where rows are long.
//
// What is done first with a row says route, by what is known of the account: the
// list of its devices, what an earlier result proves ([Baseline]), and the
// policies of [Config]. [Run.Plan] counts that without doing it. With
// Config.Sync the account is to have what the file has and, with Config.Prune,
// no more: what it lacks is removed when all of its rows are settled.
//
// What follows from an answer is decided by one pure function, decide, of the
// attempt, the answer and some facts. The service is not trusted to be all or
// nothing: a call without a readable answer may have been applied, and a refused
// one in part. Each row carries how far earlier calls may have come with it,
// and later answers are read in that light.
//
// A [Journal] makes a run one that can be killed: calls are on disk before they
// leave, verdicts after. [OpenJournal] gives the [History] to go on from.
//
// What is not known of the service stays unknown: the account's list may be cut
// short, so a device that it shows is registered, and one that it does not show
// may be. It counts as evidence of what was there before the run only until
// something contradicts it.
package batch

package batch

import (
	"fmt"
	"strings"
	"time"

	"rpsbatch/rps"
)

// act does what follows from an answer.
func (r *Run) act(res result) {
	a := res.attempt
	if res.err != nil {
		r.halt(ErrOutput, res.err)
		return
	}
	if !res.made {
		r.noteAnswer(a, outcome{}, true)
		r.ready = append([]attempt{a}, r.ready...)
		return
	}
	r.hear(res)
	o := decide(r.facts(a), a, res.answer)
	r.log(a, res.answer, o)
	r.obey(o)
	if a.call.binds() && a.url == "" && res.answer.err == nil {
		r.server(a.server).teacher = a.items[0].mac
	}
	if o.noSuch {
		r.loseServer(a.server, o.settled[0].verdict.Detail)
	}
	if o.learnt != "" {
		s := r.server(a.server)
		s.url, s.claimed = o.learnt, false
	}
	now := time.Now()
	for i, s := range o.settled {
		s.verdict.Time = now
		o.settled[i].verdict = r.settle(s.row, s.verdict)
	}
	r.noteAnswer(a, o, false)
	if a.call == callAddServer && len(a.items) == 0 && len(o.next) == 0 {
		r.added(a.server, res.answer.err)
	}
	for _, next := range o.next {
		for _, it := range next.items {
			r.window.at(it.row).reach = it.reach
		}
		if next.gather && next.url == "" {
			r.together(r.gathered, groupKey{call: next.call, server: next.server}, next.items[0])
		} else if next.tries > 0 {
			r.delay(next, now.Add(backoff(next.tries)))
		} else {
			r.ready = append([]attempt{next}, r.ready...)
		}
	}
}

// added lets go what has waited for a server to be added. Whether it could be
// is told by the answers to that.
func (r *Run) added(name string, err *rps.Error) {
	s := r.servers[name]
	switch {
	case err == nil:
		s.claimed = false
		r.summary.Added = append(r.summary.Added, name)
		r.Log.Info("server added", "server", name)
	case err.Kind == rps.ServerNameUsed:
		r.Log.Debug("the server is there", "server", name)
	default:
		r.Log.Warn("the server could not be added", "server", name, "error", err)
	}
	if err != nil {
		s.refusal = wordsOf(err)
	}
	r.ready = append(s.waiting, r.ready...)
	s.add, s.waiting = false, nil
}

// hear takes from an answer what it says of the service: whether it is there,
// and how fast it may be called.
func (r *Run) hear(res result) {
	r.count(res)
	err := res.answer.err
	slowDown := err != nil && err.Kind == rps.Throttled
	if slowDown {
		r.summary.Throttled++
		r.pace.refused(res.left, err.RetryAfter)
		defer func() { r.silence = r.silence.Add(min(err.RetryAfter, maxPause)) }()
	} else {
		r.pace.answered(res.left)
	}
	r.mayRetry = r.budget.pays(err, res.attempt.tries > 0)
	if err == nil || readable(err.Kind) {
		r.silent = 0
		return
	}
	if r.silent++; r.silent == 1 {
		r.silence = res.left
	}
	r.unheard = err
	r.giveUp()
	// One lost call is a retry. When all that are in flight are lost the
	// service is: then new calls wait as well, longer and longer.
	if over := r.silent - r.Config.Workers; over > 0 && !slowDown {
		r.pace.hold(backoffBound(over))
	}
}

// giveUp halts the run when the service has been silent for too long.
func (r *Run) giveUp() {
	if r.silent == 0 {
		return
	}
	if since := time.Since(r.silence); since >= r.patience() {
		r.halt(ErrUnreachable, fmt.Errorf("no readable answer for %v (--give-up-after): %w", since.Round(100*time.Millisecond), r.unheard))
	}
}

// patience is how long the service may be silent: as long as the user says, and
// as the next call has to wait by the user's own rate.
func (r *Run) patience() time.Duration {
	return r.Config.GiveUpAfter + time.Duration(min(1/r.Config.Rate, 1e6)*float64(time.Second))
}

// noteAnswer notes in the journal what is known after an attempt.
func (r *Run) noteAnswer(a attempt, o outcome, unmade bool) {
	if r.Journal == nil {
		return
	}
	err := r.Journal.settled(o.settled)
	if a.call.changes() && err == nil {
		left := a.items // unmade, or refused at the door: as they were
		if !unmade && o.halt == nil {
			left = nil
			for _, next := range o.next {
				left = append(left, next.items...)
			}
		}
		err = r.Journal.open(left, unmade)
	}
	if o.noSuch && err == nil {
		err = r.Journal.append(record{NoSuch: &noSuch{a.server, r.server(a.server).noSuch}})
	}
	if err != nil {
		r.halt(ErrOutput, err)
	}
}

// obey does what an outcome says of the whole run.
func (r *Run) obey(o outcome) {
	switch {
	case o.halt == nil:
	case o.halt.Kind == rps.NotService:
		r.halt(ErrUnreachable, o.halt)
	default:
		r.halt(ErrRefused, o.halt)
	}
	if o.limit > 0 && int64(o.limit) < r.size.Load() {
		r.size.Store(int64(o.limit))
		r.Log.Info("the service takes smaller batches only", "batch_size", o.limit)
	}
	if o.partial && !r.partial {
		r.partial = true
		r.Log.Info("the service applies refused calls in part")
	}
	if o.listCut && r.absence {
		r.absence = false
		r.Log.Info("the account's list of devices is not whole")
		if r.Journal != nil {
			if err := r.Journal.append(record{ListCut: true}); err != nil {
				r.halt(ErrOutput, err)
			}
		}
	}
}

func (r *Run) facts(a attempt) facts {
	f := facts{
		override:    r.override,
		maxAttempts: r.Config.MaxAttempts,
		missingOK:   r.Config.IgnoreMissing || r.pruning,
		mayRetry:    r.mayRetry,
		canList:     r.canList,
		absence:     r.absence,
		partial:     r.partial,
	}
	if s := r.servers[a.server]; s != nil {
		f.serverURL, f.claimed, f.teacher, f.notAdded = s.url, s.claimed, s.teacher, s.refusal
	}
	return f
}

// teach notes a device that an earlier part of the run bound to its server by
// the server's name: it can tell the server's URL.
func (r *Run) teach(d *Device, v Verdict) {
	bound := v.Status == Registered || v.Status == Overridden || v.Status == Edited
	if bound && v.Proof.bound() && d.Server != "" && d.URL == "" {
		r.server(d.Server).teacher = d.MAC
	}
}

func (r *Run) server(name string) *server {
	s := r.servers[name]
	if s == nil {
		s = &server{}
		r.servers[strings.Clone(name)] = s // not the whole record
	}
	return s
}

// count notes a call that was made, for the summary and for its rows.
func (r *Run) count(res result) {
	method := res.attempt.method()
	r.summary.Calls[method]++
	r.summary.Outcomes[method] = r.summary.Outcomes[method].with(res.answer.err)
	switch res.attempt.call {
	case callList, callLearn: // carry no row
	default:
		for _, it := range res.attempt.items {
			r.window.at(it.row).verdict.Calls++
		}
	}
}

// log tells of a call. It names no unique URL.
func (r *Run) log(a attempt, ans answer, o outcome) {
	attrs := []any{"method", a.method(), "server", a.server, "rows", len(a.items),
		"settled", len(o.settled), "again", len(o.next)}
	switch {
	case ans.err == nil:
		r.Log.Debug("call", attrs...)
	case readable(ans.err.Kind):
		r.Log.Debug("call", append(attrs, "error", ans.err)...)
	default:
		r.Log.Info("no answer from the service", "method", a.method(), "error", ans.err)
		r.Log.Debug("call", append(attrs, "error", ans.err)...)
	}
}

// delay puts an attempt off.
func (r *Run) delay(a attempt, due time.Time) {
	i := len(r.later)
	for i > 0 && r.later[i-1].due.After(due) {
		i--
	}
	r.later = append(r.later, delayed{})
	copy(r.later[i+1:], r.later[i:])
	r.later[i] = delayed{a, due}
}

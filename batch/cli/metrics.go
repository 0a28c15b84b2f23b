package cli

import (
	"io"
	"maps"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
)

const (
	commandLabel       = "command"
	lastSuccessMetric  = "rpsbatch_last_success_timestamp_seconds"
	lastRunPrefix      = "rpsbatch_last_run_"
	metricsFileReaders = 0o644 // node_exporter runs as another user; the file has no secrets
)

// metrics returns the content of --metrics-file: gauges of the last run, which
// the next run replaces.
func (e *ending) metrics(lastSuccess float64) []*dto.MetricFamily {
	s := e.summary
	rows := gauge(lastRunPrefix+"rows", "Rows of the last run by rps_status.")
	for _, status := range batch.Statuses {
		rows.Metric = append(rows.Metric, e.sample(float64(s.Counts[status]), "status", string(status)))
	}
	calls := gauge(lastRunPrefix+"calls", "Calls of the last run by method and outcome: granted, refused or unanswered.")
	for _, method := range slices.Sorted(maps.Keys(s.Outcomes)) {
		o := s.Outcomes[method]
		calls.Metric = append(calls.Metric,
			e.sample(float64(o.Granted), "method", method, "outcome", "granted"),
			e.sample(float64(o.Refused), "method", method, "outcome", "refused"),
			e.sample(float64(o.Unanswered), "method", method, "outcome", "unanswered"))
	}
	all := []*dto.MetricFamily{
		gauge(lastRunPrefix+"timestamp_seconds", "Unix time at which the last run ended, successful or not.",
			e.sample(unix(e.finished))),
		gauge(lastSuccessMetric, "Unix time at which the last run with exit code 0 ended; 0: unknown.",
			e.sample(lastSuccess)),
		gauge(lastRunPrefix+"exit_code", "Exit code of the last run.",
			e.sample(float64(e.code))),
		gauge(lastRunPrefix+"duration_seconds", "Duration of the last run, including the wait for the account.",
			e.sample(e.finished.Sub(e.started).Seconds())),
		rows,
		gauge(lastRunPrefix+"failed_rows", "Rows of the last run that did not succeed.",
			e.sample(float64(s.Failed()))),
		gauge(lastRunPrefix+"throttles", "Answers of the last run that asked it to slow down.",
			e.sample(float64(s.Throttled))),
	}
	if len(calls.Metric) > 0 {
		all = append(all, calls)
	}
	return all
}

func gauge(name, help string, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum(), Metric: metrics}
}

// sample returns a value with the command as its label, and pairs of further
// labels.
func (e *ending) sample(value float64, pairs ...string) *dto.Metric {
	m := &dto.Metric{Gauge: &dto.Gauge{Value: &value}}
	pairs = append([]string{commandLabel, e.command}, pairs...)
	for pair := range slices.Chunk(pairs, 2) {
		m.Label = append(m.Label, &dto.LabelPair{Name: &pair[0], Value: &pair[1]})
	}
	return m
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// writeMetrics writes the metrics of the run. If the run failed, it keeps the
// time of the last success from the file.
func (e *ending) writeMetrics(name string) error {
	lastSuccess := unix(e.finished)
	if e.code != ExitOK {
		lastSuccess = lastSuccessIn(name, e.command)
	}
	return durable.WriteFile(name, metricsFileReaders, func(w io.Writer) error {
		for _, family := range e.metrics(lastSuccess) {
			if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
				return err
			}
		}
		return nil
	})
}

// lastSuccessIn returns the time of a command's last success in a metrics file; 0
// if there is none: a false alert is better than silence.
func lastSuccessIn(name, command string) float64 {
	f, err := durable.OpenRegular(target(name))
	if err != nil {
		return 0
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(f)
	if err != nil {
		return 0
	}
	for _, m := range families[lastSuccessMetric].GetMetric() {
		for _, label := range m.GetLabel() {
			if label.GetName() == commandLabel && label.GetValue() == command {
				return m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

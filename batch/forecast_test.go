package batch

import (
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"

	"rpsbatch/rps"
)

// What the survey foresees is what a plan finds that reads the file again.
func TestForecastIsThePlan(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		rows := make([]Row, 60)
		for i := range rows {
			d := Device{Action: Action(random.IntN(5)), MAC: rps.MACFromUint64(0x1565000000 + uint64(random.IntN(80))), Server: fmt.Sprint("s", random.IntN(3))}
			if random.IntN(4) == 0 {
				d.URL = "https://h/"
			}
			rows[i] = Row{Line: i + 2, Cells: 2, Device: d, Pass: random.IntN(9) == 0, Blank: random.IntN(20) == 0}
			rows[i].Pass = rows[i].Pass && !rows[i].Blank
			if random.IntN(10) == 0 {
				rows[i].Problem = "x"
			}
		}
		open := func() (Source, error) { return &someRows{rows: rows}, nil }
		config := Config{BatchSize: 3, Workers: 1, Rate: 5, Burst: 1, MaxAttempts: 1, GiveUpAfter: 1, OnConflict: OnConflict(random.IntN(3))}
		survey, err := TakeSurvey(open, config.OnConflict, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := (&Run{Config: config, Survey: survey, Open: open}).Plan(t.Context(), Account{})
		if err != nil {
			t.Fatal(err)
		}
		got := survey.Forecast(config)
		for _, counts := range []map[Fate]int{got.Fates, plan.Fates} {
			for fate, n := range counts {
				if n == 0 {
					delete(counts, fate)
				}
			}
		}
		for method, n := range got.Calls {
			if n == 0 {
				delete(got.Calls, method)
			}
		}
		if !reflect.DeepEqual(got.Fates, plan.Fates) || !reflect.DeepEqual(got.Calls, plan.Calls) || got.Rows != plan.Rows || got.Time != plan.Time {
			t.Fatalf("seed %d: forecast %v %v, plan %v %v", seed, got.Fates, got.Calls, plan.Fates, plan.Calls)
		}
	}
}

type someRows struct{ rows []Row }

func (s *someRows) Read(row *Row) error {
	if len(s.rows) == 0 {
		return io.EOF
	}
	*row, s.rows = s.rows[0], s.rows[1:]
	return nil
}

package cli

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
	"rpsbatch/rps"
)

// before is the file of --save-before: where devices were bound, in the form of
// an input, so that register --override own puts them back. It is append-only.
type before struct {
	file    *durable.Private
	servers map[string]string // names of the account's servers by URL, if the user supplied them

	mu    sync.Mutex
	macs  *roaring64.Bitmap
	dirty bool
}

// beforeHeader is the first line of the file.
const beforeHeader = "mac,server,url\n"

// openSaved opens the file of --save-before, if the run has one.
func (j *job) openSaved(run *batch.Run) (*before, error) {
	name := j.guards.saveBefore
	if name == "" {
		return nil, nil
	}
	b, err := openBefore(name, run.Servers, run.Past != nil)
	switch {
	case err == nil:
		run.Before = b
	case j.resume && run.Past == nil && exists(name):
		err = hint(fmt.Errorf("nothing is left to resume: there is no unfinished run, and --save-before %s is of one that has finished", name),
			"%s has its result; for another run name another file with --save-before", j.result)
	}
	return b, err
}

// openBefore opens the file for a run. Only a resumed run adds to existing
// contents.
func openBefore(name string, servers map[string]string, resumed bool) (_ *before, err error) {
	const flag = "--save-before"
	b := &before{servers: namesByURL(servers), macs: roaring64.New()}
	if b.file, err = durable.OpenPrivate(name); err != nil {
		return nil, cannotWrite(flag, flag, name, err)
	}
	defer func() {
		if err != nil {
			b.file.Close()
		}
	}()
	size, err := b.read()
	if err != nil || size > int64(len(beforeHeader)) && !resumed {
		return nil, hint(fmt.Errorf("%s %s has other contents, and is never overwritten", flag, name), "name another file")
	}
	// What is torn at the end was not relied upon yet.
	if err = b.file.Truncate(size); err == nil {
		_, err = b.file.Seek(size, io.SeekStart)
	}
	if err == nil && size == 0 {
		_, err = io.WriteString(b.file, beforeHeader)
		b.dirty = true
	}
	if err == nil {
		err = durable.SyncFolder(filepath.Dir(name))
	}
	if err != nil {
		return nil, cannotWrite(flag, flag, name, err)
	}
	return b, nil
}

// read reads the devices that the file has, and returns where its last complete
// line ends.
func (b *before) read() (size int64, err error) {
	lines := bufio.NewReader(b.file)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF) && size == 0 && !strings.HasPrefix(beforeHeader, line):
			return 0, errors.New("it is another file")
		case errors.Is(err, io.EOF):
			return size, nil
		case err != nil:
			return 0, err
		case n == 1 && line != beforeHeader:
			return 0, errors.New("it is another file")
		}
		if n > 1 {
			text, _, _ := strings.Cut(line, ",")
			mac, err := rps.ParseMAC(text)
			if err != nil {
				return 0, err
			}
			b.macs.Add(mac.Uint64())
		}
		size += int64(len(line))
	}
}

// namesByURL returns the names of servers by their URLs, for URLs with one name.
func namesByURL(servers map[string]string) map[string]string {
	names := map[string]string{}
	for name, url := range servers {
		if _, taken := names[url]; taken {
			name = ""
		}
		names[url] = name
	}
	return names
}

// Has reports whether the file has a device. In a dry run it has none.
func (b *before) Has(mac rps.MAC) bool {
	if b.macs == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.macs.Contains(mac.Uint64())
}

// Keep adds a device and the URL that it is bound to: as the name of a server if
// --servers has the URL. Otherwise the server is the one that the device is to be
// moved to, which the account has: RPS wants one, and the URL takes precedence
// over it.
func (b *before) Keep(d *batch.Device, url string) error {
	record := []string{d.MAC.String(), d.Server, url}
	if name := b.servers[url]; name != "" {
		record = []string{d.MAC.String(), name, ""}
	}
	var line strings.Builder
	w := csv.NewWriter(&line)
	w.Write(record)
	w.Flush()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dirty = true
	b.macs.Add(d.MAC.Uint64())
	if _, err := io.WriteString(b.file, line.String()); err != nil {
		return fmt.Errorf("--save-before: %w", err)
	}
	return nil
}

// Sync writes what was added to disk.
func (b *before) Sync() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dirty {
		return nil
	}
	if err := b.file.Sync(); err != nil {
		return fmt.Errorf("--save-before: %w", err)
	}
	b.dirty = false
	return nil
}

// close closes the file, and removes it if it is empty or nothing in it was to be
// changed.
func (b *before) close(unchanged bool) error {
	if b == nil {
		return nil
	}
	if b.macs.IsEmpty() || unchanged {
		return b.file.Remove()
	}
	return errors.Join(b.Sync(), b.file.Close())
}

// saved returns the name of the file and how many devices it has, for the
// summary; "" if there is nothing to report.
func (b *before) saved() string {
	if b == nil || b.macs.IsEmpty() {
		return ""
	}
	return fmt.Sprintf("%s (%s)", rps.Printable(b.file.Name()), count(int(b.macs.GetCardinality()), "device"))
}

package audit

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"kiln/store"
)

// Selection is which events are exported. What is not set selects all.
type Selection struct {
	From, To time.Time // from the one on, before the other
	Patient  string    // id of the patient whose record was touched
}

func (s Selection) has(e *Event) bool {
	return !e.At.Before(s.From) && (s.To.IsZero() || e.At.Before(s.To)) && (s.Patient == "" || e.Patient == s.Patient)
}

// Export writes the events of a log as AuditEvents, one a line, in the order in which they landed: those that are published
// as resources and those that are not yet, under the same ids. Site is the public address of the server. One chunk is in
// memory at a time. Errors: those of the store and the writer; a chunk that cannot be read.
func Export(ctx context.Context, records store.Records, site string, selected Selection, w io.Writer) (events int, err error) {
	out := bufio.NewWriter(w)
	after := ""
	for {
		list, err := records.List(ctx, chunkPrefix, after, 1)
		if err != nil {
			return events, err
		}
		if len(list) == 0 {
			return events, out.Flush()
		}
		after = list[0].Key
		n, err := exportChunk(list[0], site, selected, out)
		if events += n; err != nil {
			return events, err
		}
	}
}

func exportChunk(record store.Record, site string, selected Selection, out *bufio.Writer) (written int, err error) {
	number, err := chunkNumber(record.Key)
	if err != nil {
		return 0, err
	}
	c, err := parseChunk(record.Value)
	if err != nil {
		return 0, fmt.Errorf("chunk %d of the audit log: %w", number, err)
	}
	list, err := c.events()
	if err != nil {
		return 0, fmt.Errorf("chunk %d of the audit log: %w", number, err)
	}
	for i := range list {
		if !selected.has(&list[i]) {
			continue
		}
		text, err := list[i].AuditEvent(resourceID(number, i), site)
		if err == nil {
			_, err = out.Write(append(text, '\n'))
		}
		if err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

package dashboard

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"

	"prism/internal/admin"
)

// Bounds of a download.
const (
	downloadRows = 100_000
	sendFor      = 6 * time.Minute // to a browser that is slow
)

// requestsFile answers with all requests of a filter as a file.
func (d *Data) requestsFile(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l, err := d.listOf(r.URL.Query())
		if err != nil {
			d.reply(w, nil, err)
			return
		}
		c := l.filter.condition("")
		d.send(w, r, file{"requests", format}, admin.Query{
			SQL:    "select * from priced where " + c.String() + " order by " + l.sort.expr + " " + l.sort.dir + " nulls last",
			Params: c.params, MaxRows: downloadRows,
		})
	}
}

// sqlFile answers with the result of a query as a file.
func (d *Data) sqlFile(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := typed(r.URL.Query())
		if err != nil {
			d.reply(w, nil, err)
			return
		}
		q.MaxRows = downloadRows
		d.send(w, r, file{"query", format}, q)
	}
}

// file is what a download is called.
type file struct{ name, format string }

func (f file) mediaType() string {
	switch f.format {
	case "csv":
		return "text/csv; charset=utf-8"
	case "json":
		return "application/json"
	}
	return "application/vnd.apache.parquet"
}

// send runs a query and sends its result, whole. A browser tells what was cut off from what was not: the
// length is known before the first byte or, where keys are taken out on the way, the end is marked.
func (d *Data) send(w http.ResponseWriter, r *http.Request, f file, q admin.Query) {
	patient(w)
	var masked *redactor
	begun := false
	err := d.opt.Typed.Export(r.Context(), admin.QueryBatch{TimeZone: d.opt.Zone, Export: f.format, Queries: []admin.Query{q}}, func(head admin.QueryFile) io.Writer {
		begun = true
		patient(w)
		h := w.Header()
		h.Set("Content-Type", f.mediaType())
		h.Set("Content-Disposition", `attachment; filename="`+f.name+"-"+d.opt.Now().In(d.zone).Format("2006-01-02-150405")+"."+f.format+`"`)
		h.Set("X-Prism-Rows", strconv.Itoa(head.Rows))
		if d.opt.Redact != nil && f.format != "parquet" {
			masked = &redactor{to: w, redact: d.opt.Redact}
			return masked
		}
		h.Set("Content-Length", strconv.FormatInt(head.Bytes, 10))
		w.WriteHeader(http.StatusOK)
		return w
	})
	switch {
	case err == nil && masked != nil:
		_ = masked.end() // the browser has left: nobody is there to be told
	case err == nil:
	case begun:
		panic(http.ErrAbortHandler) // else what was sent so far would look whole
	case r.Context().Err() == nil:
		d.reply(w, nil, err)
	}
}

// patient lifts the limit of every answer: where the ledger is busy it would end this one before it can
// say what is wrong.
func patient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendFor)) // what knows no limit has none
}

// Bounds of a [redactor].
const (
	redactAtOnce  = 256 << 10
	longestSecret = 16 << 10 // in any of the spellings in which one travels
)

// redactor takes keys out of a text that it is not given in one piece.
type redactor struct {
	to     io.Writer
	redact func([]byte) []byte
	kept   []byte // what was not passed on yet
}

// Write implements io.Writer.
func (x *redactor) Write(p []byte) (int, error) {
	if x.kept = append(x.kept, p...); len(x.kept) < redactAtOnce {
		return len(p), nil
	}
	return len(p), x.pass(x.cut())
}

// end passes on what is left.
func (x *redactor) end() error { return x.pass(len(x.kept)) }

func (x *redactor) pass(n int) error {
	_, err := x.to.Write(x.redact(x.kept[:n]))
	x.kept = append(x.kept[:0], x.kept[n:]...)
	return err
}

// cut is the last place that no key goes across, as far as can be seen; 0 = there is none.
func (x *redactor) cut() int {
	for at := len(x.kept) - longestSecret; at >= longestSecret; at -= longestSecret {
		around := x.kept[at-longestSecret : at+longestSecret]
		whole, left, right := x.redact(around), x.redact(around[:longestSecret]), x.redact(around[longestSecret:])
		if len(left)+len(right) == len(whole) && bytes.HasPrefix(whole, left) && bytes.HasSuffix(whole, right) {
			return at
		}
	}
	return 0
}

package dashboard

import (
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
			reply(w, nil, err)
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
			reply(w, nil, err)
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

// send runs a query and sends its result, whole: the length is known before the first byte, so a
// browser tells what was cut off from what was not.
func (d *Data) send(w http.ResponseWriter, r *http.Request, f file, q admin.Query) {
	begun := false
	err := d.opt.Typed.Export(r.Context(), admin.QueryBatch{TimeZone: d.opt.Zone, Export: f.format, Queries: []admin.Query{q}}, func(head admin.QueryFile) io.Writer {
		begun = true
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendFor)) // else the limit of every answer holds
		h := w.Header()
		h.Set("Content-Type", f.mediaType())
		h.Set("Content-Disposition", `attachment; filename="`+f.name+"-"+d.opt.Now().In(d.zone).Format("2006-01-02-150405")+"."+f.format+`"`)
		h.Set("Content-Length", strconv.FormatInt(head.Bytes, 10))
		h.Set("X-Prism-Rows", strconv.Itoa(head.Rows))
		w.WriteHeader(http.StatusOK)
		return w
	})
	if err != nil && !begun && r.Context().Err() == nil {
		reply(w, nil, d.told(err))
	}
}

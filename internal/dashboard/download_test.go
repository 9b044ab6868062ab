package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"prism/internal/admin"
)

const pastedKey = "sk-ant-api03-0123456789abcdef"

func maskKey(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte(pastedKey), []byte("[redacted:work]"))
}

// fileLedger gives files as its function says.
type fileLedger struct {
	ledgerOf
	export func(to func(admin.QueryFile) io.Writer) error
}

func (l fileLedger) Export(_ context.Context, _ admin.QueryBatch, to func(admin.QueryFile) io.Writer) error {
	return l.export(to)
}

// serveData serves the data on a real port, with a limit on how long an answer may take.
func serveData(t *testing.T, l Ledger, limit time.Duration) string {
	t.Helper()
	d, err := NewData(DataOptions{Pages: l, Typed: l, Redact: maskKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	mux := http.NewServeMux()
	d.Register(mux)
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.WriteTimeout = limit
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

func fetch(t *testing.T, address string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

func TestWhyThereIsNoFileIsSaidAlsoAfterTheLimitOfAnAnswer(t *testing.T) {
	const limit = 50 * time.Millisecond
	slow := func() error {
		time.Sleep(4 * limit) // what the query takes
		return &admin.Error{Code: admin.CodeSQLLimit, Message: "the query was given up after 30s", Fix: "ask for less"}
	}
	address := serveData(t, fileLedger{
		ledgerOf: func(context.Context, admin.QueryBatch) (admin.QueryAnswer, error) { return admin.QueryAnswer{}, slow() },
		export:   func(func(admin.QueryFile) io.Writer) error { return slow() },
	}, limit)
	for _, path := range []string{"/api/requests.csv", "/api/sql.parquet?q=x", "/api/sql.json?q=x"} {
		res, text, err := fetch(t, address+path)
		if err != nil || res.StatusCode != http.StatusConflict || !strings.Contains(text, "given up after 30s") {
			t.Errorf("%s: %v, %v, %s", path, res, err, text)
		}
	}
}

func TestNoKeyIsInAFileOrInAnError(t *testing.T) {
	line := "a,team " + pastedKey + " b,c\n"
	var file strings.Builder
	for file.Len() < 3*redactAtOnce {
		file.WriteString(line)
	}
	l := fileLedger{
		ledgerOf: func(context.Context, admin.QueryBatch) (admin.QueryAnswer, error) {
			return admin.QueryAnswer{}, &admin.Error{Code: admin.CodeSQL, Message: "no column " + pastedKey}
		},
		export: func(to func(admin.QueryFile) io.Writer) error {
			_, err := io.Copy(to(admin.QueryFile{Rows: 1, Bytes: int64(file.Len())}), iotest.HalfReader(strings.NewReader(file.String())))
			return err
		},
	}
	address := serveData(t, l, 0)
	for _, format := range []string{"csv", "json"} {
		res, text, err := fetch(t, address+"/api/requests."+format)
		if err != nil || res.StatusCode != http.StatusOK || text != string(maskKey([]byte(file.String()))) {
			t.Errorf("%s: %v, %d bytes, a key in it: %v", format, err, len(text), strings.Contains(text, pastedKey))
		}
	}
	for _, path := range []string{"/api/sql.json?q=" + pastedKey, "/api/sql/explain?q=" + pastedKey, "/api/requests?sort=" + pastedKey, "/api/facets?range=" + pastedKey, "/api/requests.csv?range=" + pastedKey} {
		res, text, err := fetch(t, address+path)
		if err != nil || res.StatusCode != http.StatusBadRequest || strings.Contains(text, pastedKey) || !strings.Contains(text, "[redacted:work]") {
			t.Errorf("%s: %v, %d %s", path, err, res.StatusCode, text)
		}
	}
}

func TestAFileThatBreaksOffDoesNotLookWhole(t *testing.T) {
	address := serveData(t, fileLedger{export: func(to func(admin.QueryFile) io.Writer) error {
		if _, err := to(admin.QueryFile{Rows: 1, Bytes: 1 << 20}).Write(make([]byte, 1<<19)); err != nil {
			return err
		}
		return errors.New("the worker died")
	}}, 0)
	for _, format := range []string{"csv", "parquet"} {
		if res, text, err := fetch(t, address+"/api/requests."+format); err == nil {
			t.Errorf("%s: %d bytes, %v", format, len(text), res)
		}
	}
}

func TestKeysAreFoundWhereverATextIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var text []byte
	for len(text) < 2<<20 {
		text = append(text, bytes.Repeat([]byte{'x'}, random.IntN(40_000))...)
		for range random.IntN(4) {
			text = append(text, pastedKey[random.IntN(2):]...)
		}
	}
	for _, most := range []int{1000, 40_000, 300_000} {
		var out bytes.Buffer
		x := &redactor{to: &out, redact: maskKey}
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(most))
			if _, err := x.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := x.end(); err != nil || !bytes.Equal(out.Bytes(), maskKey(text)) {
			t.Errorf("pieces of %d bytes: %v, not what the whole text gives", most, err)
		}
	}
}

func TestAnswersThatHoldAKeyStayJSON(t *testing.T) {
	address := serveData(t, ledgerOf(func(_ context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
		a := nothing(b)
		a.Results[0] = admin.QueryResult{Columns: []admin.QueryColumn{{Name: "tag", Type: "VARCHAR"}}, Rows: json.RawMessage(fmt.Sprintf("[[%q,9007199254740993]]", pastedKey)), Count: 1}
		return a, nil
	}), 0)
	_, text, err := fetch(t, address+"/api/sql.json?q=x")
	var v struct{ Rows [][]any }
	if err != nil || json.Unmarshal([]byte(text), &v) != nil || fmt.Sprint(v.Rows) != "[[[redacted:work] 9007199254740993]]" {
		t.Errorf("%v: %s", err, text)
	}
}

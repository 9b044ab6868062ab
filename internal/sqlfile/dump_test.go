package sqlfile

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAnExportNamesItsColumnsOrItsTableDoes: sqlite3 writes inserts without them, cc-switch with them.
func TestAnExportNamesItsColumnsOrItsTableDoes(t *testing.T) {
	const create = `CREATE TABLE "p" ("id" TEXT NOT NULL DEFAULT 'a,)b', ` + "`name` TEXT,\n\t[n] NUMERIC(10, 2) CHECK (n > 0), last -- it, is\n, PRIMARY KEY (\"id\", name), UNIQUE(last));\n"
	for name, text := range map[string]string{
		"without":  create + `INSERT INTO p VALUES('1','a, (b',2,NULL),('2','c',3,'x');`,
		"with":     create + `INSERT INTO "p" ("name", "id") VALUES ('a, (b', '1'), ('c', '2');`,
		"no table": `INSERT INTO p VALUES('1','a');`,
	} {
		path := filepath.Join(t.TempDir(), "x.sql")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Snapshot(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		err = file.Each(t.Context(), "p", func(r Row) error {
			got += r.Text("id") + "=" + r.Text("name") + ";"
			return nil
		})
		_ = file.Close()
		want := "1=a, (b;2=c;"
		if name == "no table" {
			want = "=;"
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

package main

import (
	"strings"

	"prism/internal/admin"
)

// offered are the named queries as the dashboard shows them. They are read anew each time: the user's
// lie in a folder that may change while the gateway runs.
func offered(dir string) ([]admin.NamedQuery, error) {
	queries, err := namedQueries(dir)
	if err != nil {
		return nil, err
	}
	all := make([]admin.NamedQuery, 0, len(queries))
	for _, name := range sortedKeys(queries) {
		q := queries[name]
		n := admin.NamedQuery{Name: name, Title: q.title, Chart: headIn(q.text, "chart:"), SQL: strings.TrimSpace(q.text), Params: []admin.QueryParam{}, Own: q.from != fromPrism}
		_, params := parameters(q.text)
		values := defaultsIn(q.text)
		for _, p := range params {
			n.Params = append(n.Params, admin.QueryParam{Name: p, Value: values[p]})
		}
		all = append(all, n)
	}
	return all, nil
}

// Command prism is a local gateway for clients of the Anthropic Messages API: which provider
// answers is decided in one sealed file, and every request leaves one priced row.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:]))
}

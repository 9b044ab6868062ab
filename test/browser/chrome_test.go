//go:build e2e

package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// limit is how long anything in these tests may take before it counts as stuck.
const limit = 60 * time.Second

// chrome is a running Chromium with a profile of its own.
type chrome struct{ ctx context.Context }

// newChrome starts a Chromium that ends with the test. It can reach loopback and nothing else.
func newChrome(t *testing.T, more ...chromedp.ExecAllocatorOption) *chrome {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromePath(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(limit),
		chromedp.WindowSize(wide().width, wide().height),
		chromedp.DisableGPU,
		chromedp.Flag("no-sandbox", os.Geteuid() == 0), // its sandbox refuses to be root's, as in a container
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("accept-lang", "en-US"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	ctx, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(options, more...)...)
	t.Cleanup(end) // waits for the process
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(ctx, limit)
		defer stop()
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("close the browser: %v", err)
		}
	})
	return &chrome{ctx}
}

func chromePath(t *testing.T) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"}
	if path := os.Getenv("CHROME_BIN"); path != "" {
		names = []string{path}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Clean(path)
		}
	}
	t.Fatal("there is no Chromium here: install one (apt-get install chromium), or name it by CHROME_BIN")
	return ""
}

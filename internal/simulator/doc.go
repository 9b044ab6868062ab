// Package simulator is a provider that speaks the Anthropic Messages API on loopback: scripted
// in tests, canned in `prism demo`. It answers in the exact shapes of the API, with every key
// a strict validator wants, can be made to fail in every way an upstream is known to fail,
// and keeps its own bill of every request, which tests compare with the ledger.
//
// A [Server] is an http.Handler; [Server.Start] puts it behind a real net/http server, because
// the faults that matter (a reset in mid-stream, a connection closed exactly when it is used
// again) exist only on a real connection.
//
// An [Answer] is put together from parts, and is a part itself:
//
//	s := simulator.New(simulator.Options{Key: "k-1"})
//	up := s.Start()
//	defer up.Close()
//	s.Script(
//		simulator.Error(529, "overloaded_error", "Overloaded", nil),
//		simulator.Reply(simulator.Thinking("Let me look.", ""), simulator.ToolUse("Bash", `{"command":"ls"}`)),
//		simulator.Reply(simulator.Text("Done."), simulator.Usage{Input: 12, CacheRead: 4096, Output: 7}),
//		simulator.Reply(simulator.Text("Never ends."), simulator.CutAfter(4, simulator.CutRST)),
//	)
//
// A plain answer in a script is used once, for the next request of /v1/messages; the steps made
// by [When], [On], [Always], [Once] and [Times] say more precisely which requests they are for
// and how often. What no step takes is answered by the default answer.
//
// The same scripts are answered in other dialects, where a request is made in one: Chat
// Completions and the Responses API of OpenAI, by the rules of their author ([Rules]) and in the
// ways of those who copied it ([ChatVariants], [ResponsesVariants]). The bill has one form.
//
// DO script by what the request holds ([When] with [LastText], [Turn], [ToolResultFor]; [Turns],
// [Rounds], [Sequence]) where a real client talks: it repeats and reorders requests.
// DON'T keep the bodies in load tests: see [Options.Record].
package simulator

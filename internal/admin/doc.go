// Package admin is the control plane: a JSON API over the unix socket, the feed of finished
// exchanges, and the one Go client of both.
//
// The permissions of the socket are the authentication: it is 0600 in a directory of ours that
// is 0700, and on platforms that can tell, the user at the other end must be the one who runs
// the gateway. Of what is here, only a [Monitor] is ever served over TCP.
//
//	GET  /v1/status              Status
//	POST /v1/reload {force}      Verdict
//	POST /v1/use    {name}       Verdict
//	POST /v1/trust  {profile}    Verdict
//	POST /v1/fold                ledger.FoldResult
//	GET  /v1/session/{id}        SessionView
//	POST /v1/session {...}       SessionLine; remembers where the session works
//	GET  /v1/live?after=N        Live
//	POST /v1/ui                  UICode
//	POST /v1/append              AppendResult; the body is records, one JSON object per line
//	GET  /v1/follow?desktop=1    Event, one JSON object per line, until one side leaves
//
// A refusal is {"error": Error}; a file that is rejected is not a refusal but a Verdict.
package admin

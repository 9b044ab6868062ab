// Package alert looks at queries again and again, and tells people of what budgets and alerts
// have to say, and of what else they should know.
//
// It runs no query itself: whoever makes a [Watcher] gives it a function that does, elsewhere.
// And it decides nothing twice: that an alert fires is recorded once, when it begins, and a
// restart finds it there.
package alert

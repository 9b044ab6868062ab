package upstream

import (
	"hash/maphash"
	"reflect"
	"slices"
	"sync"

	"prism/config"
	"prism/internal/translate"
)

const (
	maxModels  = 256 // of one origin, that something is known of
	maxLessons = 64  // of one model: more than there are kinds, so that none is learned again and again

	maxRefused = 16 << 10 // pieces of state; beyond, all are forgotten, and cost a refusal each session
)

// knowledge is what the answers of a provider have taught: how it deviates from what the file says
// of it, and how far an estimate of a prompt is off. It belongs to an origin, and is lost with the
// last table that names it.
type knowledge struct {
	mu     sync.Mutex
	models map[string]*lessons // guarded by mu; by dialect, path of the service and model

	seed    maphash.Seed
	refused map[uint64]struct{} // guarded by mu; state that a profile's account does not take back
}

// lessons are what is known of one model.
type lessons struct {
	learned []translate.Lesson
	scale   translate.Calibration
}

// quirks returns q with what was learned over it.
func (k *knowledge) quirks(key string, q config.Quirks) config.Quirks {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.models[key]; l != nil {
		for _, one := range l.learned {
			one.Apply(&q)
		}
	}
	return q
}

// learn remembers a lesson, and tells whether it changes anything of what was known when the
// request was translated: if not, asking again would be answered in the same way.
func (k *knowledge) learn(key string, lesson translate.Lesson, before config.Quirks) bool {
	if lesson.Apply == nil {
		return false
	}
	after := before
	after.Strip, after.Efforts = slices.Clone(before.Strip), slices.Clone(before.Efforts)
	lesson.Apply(&after)
	if reflect.DeepEqual(before, after) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.of(key)
	l.learned = slices.DeleteFunc(l.learned, func(old translate.Lesson) bool { return old.Name == lesson.Name })
	if len(l.learned) >= maxLessons {
		l.learned = slices.Delete(l.learned, 0, 1)
	}
	l.learned = append(l.learned, lesson)
	return true
}

// refuse remembers state that the account of a profile does not take back, and tells whether any of
// it is news: if not, the request without it was refused as well. Which of several pieces it was, the
// provider does not say.
func (k *knowledge) refuse(profile string, states []string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refused == nil || len(k.refused)+len(states) > maxRefused {
		k.seed, k.refused = maphash.MakeSeed(), make(map[uint64]struct{})
	}
	before := len(k.refused)
	for _, s := range states {
		k.refused[k.stateOf(profile, s)] = struct{}{}
	}
	return len(k.refused) > before
}

// refuses tells whether the account of a profile does not take state back.
func (k *knowledge) refuses(profile, state string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.refused) == 0 {
		return false
	}
	_, ok := k.refused[k.stateOf(profile, state)]
	return ok
}

// stateOf is what is kept of state: it may be large. It needs k.mu.
func (k *knowledge) stateOf(profile, state string) uint64 {
	return maphash.Comparable(k.seed, [2]string{profile, state})
}

// correct returns the tokens that a prompt probably has of which n were estimated.
func (k *knowledge) correct(key string, n int64) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.models[key]; l != nil {
		return l.scale.Correct(n)
	}
	return n
}

// observe learns from the size of a prompt that was estimated and then reported.
func (k *knowledge) observe(key string, estimated, reported int64) {
	if estimated <= 0 || reported <= 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.of(key).scale.Observe(estimated, reported)
}

// of returns what is known of a model. Where there are too many, another one is forgotten: the names may
// be the client's, and those that are in use are soon known again. It needs k.mu.
func (k *knowledge) of(key string) *lessons {
	if l := k.models[key]; l != nil {
		return l
	}
	if k.models == nil {
		k.models = make(map[string]*lessons)
	}
	for other := range k.models {
		if len(k.models) < maxModels {
			break
		}
		delete(k.models, other)
	}
	l := &lessons{}
	k.models[key] = l
	return l
}

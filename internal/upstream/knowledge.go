package upstream

import (
	"reflect"
	"slices"
	"sync"

	"prism/config"
	"prism/internal/translate"
)

const (
	maxModels  = 256 // of one origin, that something is known of
	maxLessons = 64  // of one model: more than there are kinds, so that none is learned again and again
)

// knowledge is what the answers of a provider have taught: how it deviates from what the file says
// of it, and how far an estimate of a prompt is off. It belongs to an origin, and is lost with the
// last table that names it.
type knowledge struct {
	mu     sync.Mutex
	models map[string]*lessons // guarded by mu; by path of the service and model
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
	if l == nil {
		return true
	}
	l.learned = slices.DeleteFunc(l.learned, func(old translate.Lesson) bool { return old.Name == lesson.Name })
	if len(l.learned) >= maxLessons {
		l.learned = slices.Delete(l.learned, 0, 1)
	}
	l.learned = append(l.learned, lesson)
	return true
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
	if l := k.of(key); l != nil {
		l.scale.Observe(estimated, reported)
	}
}

// of returns what is known of a model, nil where there are too many. It needs k.mu.
func (k *knowledge) of(key string) *lessons {
	l := k.models[key]
	if l == nil && len(k.models) < maxModels {
		if k.models == nil {
			k.models = make(map[string]*lessons)
		}
		l = &lessons{}
		k.models[key] = l
	}
	return l
}

package tectonio

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx/schema"
)

type inner struct {
	Price float64
	notes string //lint:ignore U1000 it is what is refused
}

type node struct {
	Next *node
}

type color string

func TestFieldsThatNoColumnCanHoldAreRefusedByPath(t *testing.T) {
	for _, one := range []struct {
		row   any
		words []string
	}{
		{struct{ secret string }{}, []string{".secret is not exported", `beam:"secret"`}},
		{struct{ In inner }{}, []string{".In.notes is not exported"}},
		{struct{ In []map[string]*inner }{}, []string{".In[][].notes is not exported"}},
		{struct{ C chan int }{}, []string{".C is a chan int", "plain type"}},
		{struct{ F func() }{}, []string{".F is a func()"}},
		{struct{ A any }{}, []string{".A is a interface {}"}},
		{struct{ C []complex128 }{}, []string{".C[] is a complex128"}},
		{struct{ P **int }{}, []string{".P is a pointer to a pointer"}},
		{struct{ M map[int]string }{}, []string{".M has keys of type int", "string keys"}},
		{struct{ E struct{} }{}, []string{".E has no fields"}},
	} {
		err := checkStruct(reflect.TypeOf(one.row), "Row")
		for _, word := range one.words {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%T: %v, which does not say %q", one.row, err, word)
			}
		}
	}
}

func TestWhatColumnsCanHoldIsTaken(t *testing.T) {
	row := struct {
		A int
		B *uint16
		C []byte
		D map[string][]float32
		E struct{ F [2]bool }
		G time.Time
		H *time.Time
		I []time.Time
	}{}
	if err := checkStruct(reflect.TypeOf(row), "Row"); err != nil {
		t.Error(err)
	}
}

func TestATypeThatHoldsItselfIsFound(t *testing.T) {
	if path, held := holdsItself(reflect.TypeFor[node](), "node", nil); !held || path != "node.Next" {
		t.Errorf("%q %v", path, held)
	}
	if path, held := holdsItself(reflect.TypeFor[struct{ A, B inner }](), "two", nil); held {
		t.Errorf("two fields of one type are no recursion: %q", path)
	}
}

func TestElementsThatAreNoRowsAreRefused(t *testing.T) {
	for _, element := range []any{"text", 7, []byte("b"), time.Unix(0, 0), color("red")} {
		if text := refused(t, whole, element); !strings.Contains(text, "no row") || !strings.Contains(text, "Map them to a struct") {
			t.Errorf("%T: %s", element, text)
		}
	}
}

func TestTheIDOfWrittenIsTheOneTheProgramNames(t *testing.T) {
	made, err := schema.FromType(reflect.TypeFor[Written]())
	if err != nil {
		t.Fatal(err)
	}
	const id = "3e4db4b0-d6cd-4e07-a72e-789c5692f855" // TECTON_WRITTEN_SCHEMA_ID in worker/sink_output_fields.h
	if made.GetId() != id {
		t.Errorf("Beam gives tectonio.Written the id %s, and the sink writes %s", made.GetId(), id)
	}
	names := []string{"records", "attempts", "status", "latency_ms", "first_event_time", "last_event_time"}
	for i, field := range made.GetFields() {
		if field.GetName() != names[i] {
			t.Errorf("field %d is %s, not %s", i, field.GetName(), names[i])
		}
	}
}

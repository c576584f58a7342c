// Prints what the OpenAPI documents do not say of the Go types of built-in kinds, and refusals tell: the types of
// fields where they have a name of their own, and the struct that a field is promoted from. One field a line: schema,
// field, type, embedded structs; `-` where there is nothing to say. With -fields it prints the fields of each struct
// in their order: schema, then the fields, with a `-` behind those that are left out while they are zero. `scripts/fetch-go-types` keeps both for the embedded API server.
package main

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

type table struct {
	seen   map[reflect.Type]bool
	lines  map[string]bool
	fields map[string][]string
}

func main() {
	inOrder := flag.Bool("fields", false, "print the fields of each struct in their order")
	flag.Parse()
	for _, add := range []func(*runtime.Scheme) error{apiextensions.AddToScheme, apiregistration.AddToScheme} {
		if err := add(scheme.Scheme); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	made := table{map[reflect.Type]bool{}, map[string]bool{}, map[string][]string{}}
	for kind, goType := range scheme.Scheme.AllKnownTypes() {
		if strings.HasPrefix(kind.Version, "v") && !strings.Contains(kind.Version, "alpha") &&
			!strings.Contains(kind.Version, "beta") && !strings.HasSuffix(kind.Kind, "List") {
			made.walk(goType)
		}
	}
	lines := []string{}
	if *inOrder {
		for schema, fields := range made.fields {
			lines = append(lines, schema+" "+strings.Join(fields, " "))
		}
	} else {
		for line := range made.lines {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
}

func (t *table) walk(goType reflect.Type) {
	switch goType.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		t.walk(goType.Elem())
	case reflect.Struct:
		_, reads := reflect.PointerTo(goType).MethodByName("UnmarshalJSON")
		if !reads && !t.seen[goType] {
			t.seen[goType] = true
			t.read(schemaOf(goType), goType, nil)
		}
	}
}

// read notes what there is to say of the fields of a struct, promoted ones included.
func (t *table) read(schema string, goType reflect.Type, embedded []string) {
	for i := range goType.NumField() {
		field := goType.Field(i)
		of := field.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		word, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if word == "-" {
			continue
		}
		if field.Anonymous && (word == "" || strings.Contains(options, "inline")) {
			if of.Name() != "TypeMeta" {
				t.read(schema, of, append(slices.Clone(embedded), field.Name))
			}
			continue
		}
		t.walk(of)
		if strings.Contains(options, "omitempty") && isScalar(field.Type) {
			t.fields[schema] = append(t.fields[schema], word+"-")
		} else {
			t.fields[schema] = append(t.fields[schema], word)
		}
		name, from := "-", "-"
		if hasOwnName(of) {
			name = of.String()
		}
		if len(embedded) > 0 {
			from = strings.Join(embedded, ".")
		}
		if name != "-" || from != "-" {
			t.lines[strings.Join([]string{schema, word, name, from}, " ")] = true
		}
	}
}

// isScalar tells what has a zero value that is no nil.
func isScalar(goType reflect.Type) bool {
	switch goType.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		return true
	}
	return false
}

// hasOwnName tells types whose names do not follow from the document: all but structs and unnamed ones.
func hasOwnName(goType reflect.Type) bool {
	switch goType.Kind() {
	case reflect.Struct:
		return false
	case reflect.Pointer, reflect.Slice:
		return goType.PkgPath() != "" || hasOwnName(goType.Elem())
	case reflect.Map:
		return goType.PkgPath() != "" || hasOwnName(goType.Key()) || hasOwnName(goType.Elem())
	}
	return goType.PkgPath() != ""
}

// schemaOf gives the name of a type's schema in the documents: io.k8s.api.core.v1.Pod of k8s.io/api/core/v1.Pod.
func schemaOf(goType reflect.Type) string {
	host, path, _ := strings.Cut(goType.PkgPath(), "/")
	parts := strings.Split(host, ".")
	slices.Reverse(parts)
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(path, "/", ".") + "." + goType.Name()
}

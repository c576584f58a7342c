// Prints how the built-in kinds of Kubernetes are written in protobuf, as JSON: which message each kind is, and of
// each message its fields with number, name in JSON, form, type, and whether a zero is left out. Read from the types themselves, so that it says what
// Go clients send. `scripts/fetch-go-types` keeps it for the embedded API server.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// Types with a form of their own in JSON.
var special = map[reflect.Type]string{
	reflect.TypeOf(metav1.Time{}):                                "time",
	reflect.TypeOf(metav1.MicroTime{}):                           "microtime",
	reflect.TypeOf(metav1.FieldsV1{}):                            "raw",
	reflect.TypeOf(runtime.RawExtension{}):                       "raw",
	reflect.TypeOf(apiextensions.JSON{}):                         "raw",
	reflect.TypeOf(resource.Quantity{}):                          "quantity",
	reflect.TypeOf(intstr.IntOrString{}):                         "intorstring",
	reflect.TypeOf(apiextensions.JSONSchemaPropsOrBool{}):        "schemaorbool",
	reflect.TypeOf(apiextensions.JSONSchemaPropsOrArray{}):       "schemaorarray",
	reflect.TypeOf(apiextensions.JSONSchemaPropsOrStringArray{}): "schemaorstrings",
}

type tables struct {
	Kinds    map[string]string  `json:"kinds"`
	Messages map[string][][]any `json:"messages"`
}

func main() {
	if err := apiextensions.AddToScheme(scheme.Scheme); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	made := tables{Kinds: map[string]string{}, Messages: map[string][][]any{}}
	for kind, goType := range scheme.Scheme.AllKnownTypes() {
		if kind.Version == runtime.APIVersionInternal || strings.HasSuffix(kind.Kind, "List") ||
			(strings.HasSuffix(kind.Kind, "Options") && kind.Kind != "DeleteOptions") ||
			kind.Kind == "WatchEvent" {
			continue
		}
		made.Kinds[kind.GroupVersion().String()+" "+kind.Kind] = made.message(goType)
	}
	if err := json.NewEncoder(os.Stdout).Encode(made); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// message describes a struct, and those it holds, once.
func (t *tables) message(goType reflect.Type) string {
	name := goType.PkgPath() + "." + goType.Name()
	if _, known := t.Messages[name]; known {
		return name
	}
	t.Messages[name] = nil
	fields := [][]any{}
	for i := range goType.NumField() {
		field := goType.Field(i)
		tag := strings.Split(field.Tag.Get("protobuf"), ",")
		if len(tag) < 2 {
			continue
		}
		number, err := strconv.Atoi(tag[1])
		if err != nil {
			continue
		}
		word, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		of, form := t.typeOf(field.Type)
		if word == "" || strings.Contains(options, "inline") {
			form = "inline"
		}
		// Protobuf holds zeros that JSON leaves out.
		leaveOut := 0
		if strings.Contains(options, "omitempty") && field.Type.Kind() != reflect.Pointer {
			leaveOut = 1
		}
		fields = append(fields, []any{number, word, form, of, leaveOut})
	}
	t.Messages[name] = fields
	return name
}

// typeOf gives the type of one value, and whether there is one, a list or a map of them.
func (t *tables) typeOf(goType reflect.Type) (of, form string) {
	if goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	if word, ok := special[goType]; ok {
		return word, "one"
	}
	switch goType.Kind() {
	case reflect.String:
		return "string", "one"
	case reflect.Bool:
		return "bool", "one"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return "integer", "one"
	case reflect.Float32, reflect.Float64:
		return "double", "one"
	case reflect.Map:
		of, form := t.typeOf(goType.Elem())
		if form != "one" {
			of += "s" // the one list that is a value of a map: strings in a message
		}
		return of, "map"
	case reflect.Slice:
		if goType.Elem().Kind() == reflect.Uint8 {
			return "bytes", "one"
		}
		of, _ := t.typeOf(goType.Elem())
		if _, wrapped := reflect.PointerTo(goType).MethodByName("Marshal"); wrapped {
			return of + "s", "one"
		}
		return of, "list"
	case reflect.Struct:
		return t.message(goType), "one"
	}
	panic(fmt.Sprintf("no form for %v", goType))
}

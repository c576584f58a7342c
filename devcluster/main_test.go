package main

import (
	"os"
	"testing"
)

// asProgram makes the test binary behave as devcluster, so that tests run the
// program as users do without linking it a second time. The roles inherit it.
const asProgram = "DEVCLUSTER_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(runApart(m))
}

// runApart keeps the tests' clusters away from those of the user.
func runApart(m *testing.M) int {
	directory, err := os.MkdirTemp("", "devcluster-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(directory)
	os.Setenv("TMPDIR", directory)
	return m.Run()
}

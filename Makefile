# The front door. Each target installs what is missing first (scripts/setup).
.DEFAULT_GOAL := help
.PHONY: help setup demo build image test conformance shuffles simulate asan tsan gcc bench oracle fuzz lint fmt clean
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
ORACLE_CASES ?= 1010000
SEEDS ?= 1000
# Checkouts share one compiler cache.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 18

setup: ## install the Debian packages that kro is built with
	@scripts/setup

demo: ## show the main job in seconds, on the API server in kro; SERVER=real on a real control plane
	@scripts/setup $(if $(filter real,$(SERVER)),,--no-go)
	@cmake --preset release >/dev/null && cmake --build build/release -j $(JOBS) --target kro
	@SERVER=$(SERVER) scripts/demo build/release

build: ## build the optimised program and the benchmarks into build/release
	@scripts/setup --no-go
	@cmake --preset release >/dev/null && cmake --build build/release -j $(JOBS)

image: ## build the operator's image IMAGE (kro:0.1.0) with docker, podman or buildah
	@scripts/image $(IMAGE)

test: setup ## build and run every test; ends with "N passed, N failed"
	@cmake --preset dev >/dev/null && cmake --build build/dev -j $(JOBS) && scripts/test build/dev

conformance: setup ## run every recorded case; DATA=DIR for others of the same kinds, SERVER=real plays scenarios on a real API server too
	@cmake --preset dev >/dev/null && cmake --build build/dev -j $(JOBS) && DATA=$(DATA) SERVER=$(SERVER) scripts/conformance build/dev

simulate: setup ## play scenarios with faults, SEEDS (1000) of each; MUTATIONS=1 plants bugs and has them found
	@cmake --preset release >/dev/null && cmake --build build/release -j $(JOBS) --target simulate
	@SEEDS=$(SEEDS) scripts/simulate build/release $(if $(MUTATIONS),--mutations,--seeds $(SEEDS))

shuffles: setup ## compile definitions over 1000 shuffles of all that has no order: the same graphs, the same messages
	@cmake --preset release >/dev/null && cmake --build build/release -j $(JOBS) --target graph_test
	@build/release/src/graph/graph_test --gtest_filter='*Shuffles*'

asan: setup ## the same tests under AddressSanitizer and UBSan
	@cmake --preset asan >/dev/null && cmake --build build/asan -j $(JOBS) && scripts/test build/asan

tsan: setup ## the same tests under ThreadSanitizer
	@cmake --preset tsan >/dev/null && cmake --build build/tsan -j $(JOBS) && scripts/test build/tsan

gcc: setup ## build with g++ 12; docs/architecture.md says why it is not run
	@cmake --preset gcc >/dev/null && cmake --build build/gcc -j $(JOBS)

bench: setup build ## run every benchmark
	@scripts/bench build/release

oracle: setup ## compare the expression engine with a naive one on ORACLE_CASES (1010000) generated pairs, of which it leaves out a few
	@cmake --preset release >/dev/null && cmake --build build/release -j $(JOBS) --target cel_test
	@scripts/cel-oracle build/release $(ORACLE_CASES)

fuzz: setup ## run every fuzz target for FUZZ_SECONDS (60) each
	@cmake --preset fuzz >/dev/null && cmake --build build/fuzz -j $(JOBS) && scripts/fuzz build/fuzz $(FUZZ_SECONDS)

lint: setup ## clang-tidy over the sources
	@cmake --preset dev >/dev/null && scripts/lint build/dev

fmt: setup ## format the sources in place
	@git ls-files 'src/*.h' 'src/*.cc' 'fuzz/*.cc' 'bench/*.cc' 'test/*.h' 'test/*.cc' | xargs clang-format-19 -i

clean: ## remove what was built
	@rm -rf build

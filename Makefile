# Thin front; meson and the scripts in tools/ do the work.
.PHONY: run test build bench fuzz sim format lint clean help

help:
	@echo 'make run [PORT=n]     install what is missing, build, serve from ./var, print a login link'
	@echo 'make test [ONLY=re]   run every test; the last line is "N passed, N failed"'
	@echo 'make build            the release binary, build/sereno'
	@echo 'make bench [ONLY=re]  measure beside the peers; writes build/bench.md'
	@echo 'make fuzz [TARGET=t]  fuzz each target for FUZZ_SECONDS (60)'
	@echo 'make sim SEED=n       replay one simulated history'
	@echo 'make format lint clean'

run: build
	@exec tools/run.sh $(PORT)

build:
	@tools/packages.sh run
	@tools/build.sh build

test:
	@exec tools/test.sh '$(value ONLY)'

bench:
	@exec tools/bench.sh '$(value ONLY)'

fuzz:
	@exec tools/fuzz.sh $(TARGET)

sim:
	@exec tools/sim.sh $(SEED)

format:
	@tools/packages.sh lint
	@tools/npm.sh web
	@tools/sources.sh c | xargs clang-format -i
	@[ ! -d web/node_modules ] || node web/node_modules/prettier/bin/prettier.cjs --write --log-level warn 'web/**/*.{ts,tsx,mjs,css,json}' 'tests/web/**/*.mjs'

lint:
	@exec tools/lint.sh

clean:
	rm -rf build build-test build-bench build-fuzz build-lint

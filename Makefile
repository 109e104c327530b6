# What can be done here; each target is a thin name for a command that also works by itself.

.DEFAULT_GOAL := help
.PHONY: help test check soak lab-soak tshark accuracy bench callgrind record

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

test: ## every test; live ones that can't run here say why
	cargo test

check: ## formatting and lints, as CI has them
	cargo fmt --all --check
	cargo clippy --all-targets -- -D warnings

soak: ## damaged conversations, 100,000 of them (WIRELAB_SOAK=N), from WIRELAB_SEED=N on
	WIRELAB_SOAK=$${WIRELAB_SOAK:-100000} cargo test --profile soak --test suite fuzz::

lab-soak: ## every experiment of the lab 20 times, for real (WIRELAB_LAB_SOAK=N, WIRELAB_LAB=NAME,NAME)
	WIRELAB_LAB_SOAK=$${WIRELAB_LAB_SOAK:-20} cargo test --test suite experiments::real

tshark: ## our notes and fields beside those of tshark, into docs/VERDICTS.md and docs/FIELDS.md (WIRELAB_CORPUS=FOLDER of captures)
	cargo test --test suite tshark:: -- --ignored --nocapture

accuracy: ## how often verdicts are right, by runs of the lab, into docs/ACCURACY.md (ACCURACY_RUNS=N, ACCURACY_SEED=N)
	ACCURACY_WRITE=1 cargo bench --bench accuracy

bench: ## speed and memory against other tools, into docs/PERFORMANCE.md (BENCH_SCALE=0.1 for a tenth)
	cargo bench --bench speed

callgrind: ## where the instructions go, by function (needs valgrind)
	cargo bench --bench speed -- callgrind

record: ## makes the recordings of captures/ anew, or of NAMES (where namespaces can be made: wirelab doctor)
	cargo build
	for name in $(or $(NAMES),$(patsubst captures/%/experiment.toml,%,$(wildcard captures/*/experiment.toml))); do \
		./target/debug/wirelab lab run "$$name" --quiet --record "captures/$$name" || exit; \
	done

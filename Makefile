# `make demo` and `make test` install what they need.

CARGO ?= cargo
# `make demo KUBECONFIG=file` uses that cluster. KUBECONFIG in the environment has no effect.
ifeq ($(origin KUBECONFIG),command line)
DEMO_CLUSTER = --kubeconfig $(KUBECONFIG)
endif
ifdef ONCE
DEMO_ONCE = --once
endif

# Numbers of inputs, dependency graphs, rollouts, tasks to place and autoscaled services of `make campaign`. The same SEED repeats
# the same random choices.
CASES ?= 100000
GRAPHS ?= 100
ROLLOUTS ?= 200
TASKS ?= 500
KILLED_ROLLOUTS ?= 50
SERVICES ?= 500
SEED ?= $(shell date +%s)

.PHONY: help demo test test-fast test-control-plane test-real-nodes static-toolchain campaign campaign-inputs campaign-graphs campaign-rollouts campaign-placement campaign-scaling lint generate advisories bench

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

demo: ## Run the examples on Kubernetes. ONCE=1 exits when all services are stable, KUBECONFIG=file uses that cluster.
	$(CARGO) build --package ecs-operator --package demo
	$(CARGO) run --quiet --package demo -- $(DEMO_ONCE) $(DEMO_CLUSTER)

test: test-fast test-control-plane test-real-nodes ## All tests that this machine supports.

test-fast: ## Tests that need no cluster.
	$(CARGO) test --package ecs-operator --package task-agent
	$(CARGO) test --package devcluster --package demo --lib --bins

test-control-plane: ## Tests on a real control plane with simulated nodes.
	$(CARGO) test --package ecs-operator --test control_plane
	$(CARGO) test --package devcluster --test '*'

test-real-nodes: static-toolchain ## Tests on real kubelets, as root on Debian; skipped elsewhere.
	$(CARGO) test --package ecs-operator --test real_nodes

# The operator's image contains two static programs. Building them requires a C compiler and a standard library for musl.
static-toolchain:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v musl-gcc >/dev/null; then \
		apt-get update && apt-get install --yes --no-install-recommends musl-tools; fi
	@if command -v rustup >/dev/null; then rustup target add "$$(uname -m)-unknown-linux-musl"; fi

campaign: campaign-inputs campaign-graphs campaign-rollouts campaign-placement campaign-scaling ## All campaigns below. SEED=number repeats a campaign.

campaign-inputs: ## CASES=number of random inputs for the converter.
	CASES=$(CASES) SEED=$(SEED) $(CARGO) test --profile campaign --package ecs-operator --test properties -- --nocapture

campaign-graphs: static-toolchain ## GRAPHS=number of random dependency graphs, as processes and then on real kubelets.
	GRAPHS=$(GRAPHS) SEED=$(SEED) $(CARGO) test --package task-agent --test graphs -- --nocapture
	GRAPHS=$(GRAPHS) SEED=$(SEED) $(CARGO) test --package ecs-operator --test real_nodes task_agent::random_graphs -- --nocapture

campaign-rollouts: ## ROLLOUTS=number of random rollouts on simulated nodes, KILLED_ROLLOUTS=number while the operator is killed repeatedly.
	ROLLOUTS=$(ROLLOUTS) KILLED_ROLLOUTS=$(KILLED_ROLLOUTS) SEED=$(SEED) $(CARGO) test --package ecs-operator --test control_plane rollouts:: -- --nocapture

campaign-placement: ## TASKS=number of tasks for each placement strategy on 50 simulated nodes, compared with ECS.
	TASKS=$(TASKS) ROUNDS=20 SEED=$(SEED) $(CARGO) test --package ecs-operator --test control_plane placement_strategies:: -- --nocapture

campaign-scaling: ## SERVICES=number of autoscaled services on simulated nodes: writes under a constant load, and reaction times.
	SERVICES=$(SERVICES) MEASURE_SECONDS=60 $(CARGO) test --profile campaign --package ecs-operator --test control_plane autoscaling_load:: -- --nocapture

lint: ## Formatting, clippy with warnings denied, documentation, licenses and sources of dependencies.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	$(CARGO) clippy --test control_plane --test real_nodes --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) deny --locked check bans licenses sources

generate: ## Rewrite all generated files: definitions, examples, golden snapshots, pages of the documentation.
	$(CARGO) run --package ecs-operator -- crds --output charts/ecs-operator/files/crds
	$(CARGO) run --package ecs-operator -- convert --report none --output examples/custom-resources examples/ecs
	GENERATE=1 $(CARGO) test --package ecs-operator --test guards documentation::
	GENERATE=1 $(CARGO) test --package ecs-operator --test golden

advisories: ## Known vulnerabilities of dependencies; fetches the advisory database from the internet.
	$(CARGO) deny --locked check advisories

bench: ## Speed and memory, as ratios against a floor measured in the same run.
	$(CARGO) bench --package ecs-operator

# Two commands matter to a newcomer: `make demo` and `make test`. They do all the set-up themselves.

CARGO ?= cargo
# `make demo KUBECONFIG=file` uses that cluster; a KUBECONFIG that merely stands in the environment is left alone.
ifeq ($(origin KUBECONFIG),command line)
DEMO_CLUSTER = --kubeconfig $(KUBECONFIG)
endif
ifdef ONCE
DEMO_ONCE = --once
endif

.PHONY: help demo test test-fast test-control-plane test-real-nodes lint generate bench clean

help: ## Say what there is to make.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

demo: ## Run the examples on Kubernetes: ONCE=1 ends by itself, KUBECONFIG=file uses that cluster.
	$(CARGO) build --package ecs-operator --package demo
	target/debug/demo $(DEMO_ONCE) $(DEMO_CLUSTER)

test: test-fast test-control-plane test-real-nodes ## Every test that this machine can run.

test-fast: ## Tests that need no cluster.
	$(CARGO) test --workspace --lib --bins
	$(CARGO) test --package ecs-operator --doc
	$(CARGO) test --package ecs-operator --test '*'

test-control-plane: ## Tests on a real control plane with simulated nodes.
	$(CARGO) test --package ecs-operator --test control_plane
	$(CARGO) test --package devcluster --test '*'

test-real-nodes: ## Tests on real kubelets, as root on Debian; elsewhere they say that they are skipped.
	$(CARGO) test --package ecs-operator --test real_nodes

lint: ## Formatting, clippy with warnings denied, documentation, licences and advisories of dependencies.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) deny --locked check

generate: ## Write again what is generated from the code: definitions, examples, the README's table.
	$(CARGO) run --package ecs-operator -- crds --output crds
	$(CARGO) run --package ecs-operator -- crds --output charts/ecs-operator/crds-src
	$(CARGO) run --package ecs-operator -- convert --report none --output examples/custom-resources examples/ecs

bench: ## Speed and memory, as ratios against a floor measured in the same run.
	$(CARGO) bench --package ecs-operator

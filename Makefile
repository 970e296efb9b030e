# Needs make and python3; everything else is installed into .venv and the cache folder on the way. `make help` lists the targets.
MAKEFLAGS += --no-print-directory
export UV_PYTHON_DOWNLOADS = never
export PYTHONPATH = deploy:deploy/local
export PATH := $(CURDIR)/.venv/bin:$(PATH)

NAME ?= demo
# local (on this machine, without Docker), kind, or existing (the kubeconfig's, with IMAGE_REGISTRY)
CLUSTER ?= local
PYTHON = .venv/bin/python
DEMO = @$(PYTHON) -m demo --name $(NAME) --cluster $(CLUSTER)
STEP = @.ci/step
UNIT = not cluster and not e2e
BOTH = -n 2

.DEFAULT_GOAL = help
.PHONY: help demo down deploy images test test-unit test-cluster verify generate fuzz faults chaos fmt bench docs calibration cli-docs record agreement pictures audit sbom clean

help: ## List every target
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: .venv/ready ## Bring everything up on this machine and watch a course being generated
	$(DEMO) run

down: .venv/ready ## Remove everything that the demo made, also after a crash; caches and out/ stay
	$(DEMO) down

deploy: .venv/ready ## Bring everything up, without the course
	$(DEMO) deploy

images: .venv/ready ## Build the images whose content changed, and write deploy/overlays/local/generated
	$(DEMO) images

test: .venv/ready ## Run every test; those that need a cluster start and stop one
	@$(PYTHON) -m pytest -q $(BOTH)

test-unit: .venv/ready ## Run the tests that need no cluster
	@$(PYTHON) -m pytest -q $(BOTH) -m "$(UNIT)"

test-cluster: .venv/ready ## Try contract, manifests and roles on a cluster that is there: CLUSTER=existing (the kubeconfig's) or kind
	@COURSEGEN_TEST_CLUSTER=$(CLUSTER) $(PYTHON) -m pytest -q tests/cluster/contract tests/cluster/test_manifests.py tests/cluster/test_rbac.py

verify: .venv/ready ## Check generated files, format, lint, types, layers and unit tests; fail if the tree changes
	@git status --porcelain > .venv/tree-before
	$(STEP) "generated CRDs" $(PYTHON) -m coursegen_api.crd --check crds
	$(STEP) "generated reference" $(PYTHON) -m coursegen_api.docs --check docs/api.md
	$(STEP) "generated monitoring" $(PYTHON) -m monitoring --check
	$(STEP) "generated GitOps" $(PYTHON) -m gitops --check
	$(STEP) "format" .venv/bin/ruff format --check --quiet .
	$(STEP) "lint" .venv/bin/ruff check --quiet .
	$(STEP) "types" .venv/bin/mypy
	$(STEP) "layers" .venv/bin/lint-imports
	$(STEP) "unit tests" $(PYTHON) -m pytest -q $(BOTH) tests/unit
	$(STEP) "tree unchanged" sh -c 'git status --porcelain | diff .venv/tree-before -'

generate: .venv/ready ## Write what is generated anew: CRDs, references, alerts, dashboards, GitOps customizations
	@$(PYTHON) -m coursegen_api.crd crds
	@$(PYTHON) -m coursegen_api.docs docs/api.md
	@$(PYTHON) -m monitoring
	@$(PYTHON) -m gitops

cli-docs: .venv/ready ## Run every command of docs/cli.md on a real cluster, and write down what it says
	@COURSEGEN_WRITE_DOCS=1 $(PYTHON) -m pytest -q tests/e2e/test_plugin.py tests/cluster/client/test_cli_page.py

record: .venv/ready ## Record the states that GitOps health checks are tried on, from a run on a real API server
	@COURSEGEN_RECORD=deploy/gitops/recorded $(PYTHON) -m pytest -q tests/cluster/operator/test_gitops.py

agreement: .venv/ready ## Run the demo on a cluster of its own, read its figures wherever they are shown, and write docs/agreement.md
	@$(PYTHON) -m tests.agreement

pictures: .venv/ready ## Take the pictures of the page that the docs show, from the tests in a real browser
	@PICTURES=docs/images $(PYTHON) -m pytest -q tests/cluster/operator/gateway/test_page.py \
	  tests/cluster/operator/gateway/test_page_buttons.py tests/cluster/operator/gateway/test_graphs.py

audit: .venv/ready ## Have checkov and kube-score look at the rendered overlays; every finding that is kept has its reason beside it
	@$(PYTHON) -m checks audit

sbom: .venv/ready ## Write a CycloneDX bill of materials for each image's packages into out/sbom
	@$(PYTHON) -m checks sbom out/sbom

fuzz: .venv/ready ## Look for a history that breaks a promise of the planner: random, about half an hour
	@HYPOTHESIS_PROFILE=thorough $(PYTHON) -m pytest -q tests/unit/operator/test_planner_properties.py

faults: .venv/ready ## Break everything that the operator stands on, one thing a run, and plant bugs: hours; FAULTS=--help has parts
	@$(PYTHON) -m tests.faults $(FAULTS)

chaos: .venv/ready ## Kill the operator at random moments for ten minutes, with a hundred courses
	@$(PYTHON) -m tests.faults.chaos

fmt: .venv/ready ## Format the code, and mend what lint can mend
	@.venv/bin/ruff check --quiet --fix . || true
	@.venv/bin/ruff format --quiet .

bench: .venv/ready ## Measure: figures for docs/performance.md
	@$(PYTHON) -m tests.bench

docs: .venv/ready ## Build the docs as a site in out/site; fails on a dead link
	$(STEP) "site in out/site" env NO_MKDOCS_2_WARNING=1 .venv/bin/uv run --locked --only-group docs --isolated mkdocs build --strict

calibration: .venv/ready ## Show how well the alignment of chapters is measured, on labelled texts
	@$(PYTHON) -m tests.calibration

clean: down ## Take the demo down, and remove .venv and every cached build and image as well
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache "$${XDG_CACHE_HOME:-$$HOME/.cache}/coursegen"

.venv/ready: Makefile pyproject.toml uv.lock crds/pyproject.toml operator/pyproject.toml worker_image/pyproject.toml
	$(STEP) "Python packages" sh -c 'uv=$$(deploy/local/bootstrap.sh) && "$$uv" sync --quiet --locked && { [ "$$uv" -ef .venv/bin/uv ] || ln -sf "$$uv" .venv/bin/uv; }'
	@touch $@

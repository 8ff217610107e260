# The one front door: `make help` lists what a person does here.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PORT ?= 8000
BUDGET ?= 60
DATA ?=
TARGET ?=
ARCH ?= arm64
ENV ?= dev
TAG ?= automl-trainer
KILLS ?= 50
MEGABYTES ?= 1000
FUZZ_SECONDS ?= 30
SEED ?= 1
ONLY ?=
PEERS ?= flaml,lightgbm
# How `make bench-boost` and `make bench-predict` build ours (bench, release or dev), and further options of its script.
PROFILE ?= bench
OPTIONS ?=
# Tables with fixed splits and their scorer, for `make bench-automl`; not part of the project.
TABLES ?= ../shared/datasets
SCORER ?= ../shared/bench/score.py

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BIN := $(TARGET_DIR)/debug
VENV := .venv
FUNCTIONS := front upload datasets jobs deploy predict ingest job-events
# What `make build` builds.
BUILT := $(or $(ONLY),$(FUNCTIONS) trainer)

# A processor without AVX2 gets binaries that it can run.
ifeq ($(shell uname -sm),Linux x86_64)
ifeq ($(shell grep -cm1 avx2 /proc/cpuinfo),0)
export RUSTFLAGS := -C target-cpu=x86-64
endif
endif

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: binaries ## Upload a table, train, deploy, predict (DATA=file.csv TARGET=column BUDGET=60)
	@$(BIN)/automl-local demo --port $(PORT) --budget $(BUDGET) $(if $(DATA),--data "$(DATA)") $(if $(TARGET),--target "$(TARGET)")

.PHONY: up
up: binaries ## Serve everything on this machine until Ctrl-C (PORT=8000)
	@exec $(BIN)/automl-local up --port $(PORT)

.PHONY: reset
reset: binaries ## Delete the local stack's data
	@$(BIN)/automl-local reset

.PHONY: binaries
binaries: tools-cargo
	@echo "building (the first time takes several minutes) …"
	@cargo build --workspace --bins

.PHONY: test
test: tools-cargo tools-nextest tools-chromium $(VENV)/installed ## Run every test
	cargo build --workspace --bins
	AUTOML_PYTHON="$(CURDIR)/$(VENV)/bin/python" cargo nextest run --workspace
	cargo test --workspace --doc --quiet

.PHONY: openapi
openapi: tools-nextest ## Write the API's document anew from the code
	WRITE_OPENAPI=1 cargo nextest run --workspace -E 'test(the_document_is_that_of_the_code)'

.PHONY: fuzz
fuzz: tools-cargo tools-fuzz ## Feed the readers with made-up files (FUZZ_SECONDS=30 for each target)
	@for target in ingest date; do \
	  mkdir -p fuzz/corpus/$$target fuzz/seeds/$$target; \
	  echo "fuzzing $$target for $(FUZZ_SECONDS) s …"; \
	  cargo fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -max_len=$$([ $$target = ingest ] && echo 65536 || echo 64) -print_final_stats=1 -verbosity=0 || exit 1; \
	done

.PHONY: check
check: tools-cargo ## Formatting, lints and the quick tests: before each commit
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo nextest run --workspace --exclude system-tests
	python3 docs/cost.py --check

.PHONY: deny
deny: tools-deny ## Licences, duplicates, sources and advisories of the dependencies
	cargo deny --all-features check licenses bans sources
	@if cargo deny --all-features fetch db >/dev/null 2>&1; then cargo deny --all-features check advisories; \
	  else echo "NOT CHECKED: advisories (the advisory database cannot be reached from here)" >&2; fi

.PHONY: template
template: export SAM_CLI_TELEMETRY := 0
template: export AWS_DEFAULT_REGION := us-east-1
template: tools-sam ## Check template.yaml, as it is written and as it is deployed
	target/bench/template-venv/bin/sam validate --template template.yaml
	target/bench/template-venv/bin/sam validate --lint --template template.yaml
	target/bench/template-venv/bin/cfn-lint template.yaml
	target/bench/template-venv/bin/python tests/template/expand.py template.yaml target/template.json
	target/bench/template-venv/bin/cfn-lint target/template.json
	target/bench/template-venv/bin/python tests/template/policy.py target/template.json .
	target/bench/template-venv/bin/python tests/template/policy_test.py target/template.json .
	python3 docs/cost.py --check
	@$(call venv,workflows,.github/requirements.txt)
	target/bench/workflows-venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

.PHONY: test-aws
test-aws: tools-cargo ## Use the functions that `make build` made for this machine on an AWS emulator that is not ours
	@[ -f "$(TARGET_DIR)/lambda/front/bootstrap.zip" ] || \
	  { echo "build the functions first, for this machine's processor: make build ARCH=$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)" >&2; exit 1; }
	cargo build --workspace --bin trainer --example batch
	@$(call venv,aws,tests/aws/requirements.txt)
	@target/bench/aws-venv/bin/python tests/aws/run.py \
	  template.yaml "$(TARGET_DIR)/lambda" $(BIN)/examples/batch $(BIN)/trainer target/aws

.PHONY: build
build: tools-lambda ## Build the Lambda functions and the trainer (ARCH=arm64 or x86_64, ONLY=name)
	@case "$(ARCH)" in arm64) triple=aarch64-unknown-linux-gnu;; x86_64) triple=x86_64-unknown-linux-gnu;; \
	  *) echo "ARCH is $(ARCH): use arm64 or x86_64" >&2; exit 1;; esac; \
	rustup target list --installed | grep -qx "$$triple" || rustup target add "$$triple" || \
	  { echo "cannot install Rust's standard library for $$triple: run 'rustup target add $$triple' where the network allows it" >&2; exit 1; }; \
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cargo lambda build --release --target "$$triple" --output-format zip \
	  $(foreach name,$(BUILT),--bin $(name))
	@$(foreach name,$(filter $(FUNCTIONS),$(BUILT)),$(call bounded,$(name),$(TARGET_DIR)/lambda/$(name)/bootstrap.zip,$(if $(filter predict,$(name)),8,10)) &&) true
	@# Of the image's 40 MB, its libraries and certificates take less than 4.
	@$(if $(filter trainer,$(BUILT)),$(call bounded,trainer,$(TARGET_DIR)/$(if $(filter x86_64,$(ARCH)),x86_64,aarch64)-unknown-linux-gnu/release/trainer,36))

.PHONY: image
image: ENGINE = $(firstword $(foreach engine,docker podman buildah,$(shell $(engine) info >/dev/null 2>&1 && echo $(engine))))
image: ## Build the trainer's image (ARCH=arm64 or x86_64, TAG=automl-trainer) with docker, podman or buildah
	@case "$(ARCH)" in arm64) platform=linux/arm64;; x86_64) platform=linux/amd64;; \
	  *) echo "ARCH is $(ARCH): use arm64 or x86_64" >&2; exit 1;; esac; \
	[ -n "$(ENGINE)" ] || { echo "docker (with its engine), podman or buildah is needed to build an image" >&2; exit 1; }; \
	case "$$(uname -m)" in aarch64|arm64) own=linux/arm64;; *) own=linux/amd64;; esac; \
	$(ENGINE) build --platform "$$platform" $(if $(filter podman buildah,$(ENGINE)),--build-arg BUILDPLATFORM=$$own) \
	  -f training-image/Dockerfile -t "$(TAG)" .

.PHONY: test-arm64
test-arm64: binaries tools-nextest ## Answer every sample event with the arm64 functions and trainer that `make build` made
	@tests/arm64/run.sh "$(TARGET_DIR)" $(FUNCTIONS)

.PHONY: test-image
test-image: binaries ## Build the trainer's image without Docker and run jobs in it, some of them killed (KILLS=50 SEED=1 OPTIMISED=1)
	tests/image/build.sh
	@. tests/image/containers.sh && python3 tests/image/run.py localhost/automl-trainer "$(BIN)" $(KILLS) $(SEED)

# Prints how large the file $(2) of $(1) is; fails when it has more than $(3) MB for arm64, unless it was not optimised.
bounded = bytes=$$(wc -c < "$(2)") \
  && printf '%-10s %5d KB, for arm64 %d at most\n' $(1) $$((bytes / 1000)) $(3)000 \
  && { [ "$(ARCH)$${CARGO_PROFILE_RELEASE_OPT_LEVEL:-3}" != arm643 ] || [ $$bytes -le $(3)000000 ] || { echo "$(1) is too large" >&2; false; }; }

# Makes the environment $(1) of a benchmark's peers, with the packages of the file $(2).
venv = { [ -x target/bench/$(1)-venv/bin/python ] || python3 -m venv target/bench/$(1)-venv; } \
  && target/bench/$(1)-venv/bin/pip install --quiet --disable-pip-version-check -r $(2)

.PHONY: bench-ingest
bench-ingest: tools-cargo ## Reading a table (MEGABYTES=1000) beside polars and pandas
	cargo build --release -p automl
	@$(call venv,ingest,benches/ingest/requirements.txt)
	@target/bench/ingest-venv/bin/python benches/ingest/generate.py $(MEGABYTES) target/bench/table.csv
	@target/bench/ingest-venv/bin/python benches/ingest/run.py "$(TARGET_DIR)/release/automl" target/bench/table.csv

.PHONY: bench-report
bench-report: tools-cargo ## The data report of 500,000 rows beside ydata-profiling
	cargo build --release -p automl
	@$(call venv,report,benches/data_report/requirements.txt)
	@target/bench/report-venv/bin/python benches/data_report/generate.py target/bench/report.csv
	@target/bench/report-venv/bin/python benches/data_report/run.py "$(TARGET_DIR)/release/automl" target/bench/report.csv target

.PHONY: bench-boost
bench-boost: tools-cargo ## Boosting beside LightGBM's, same inputs and parameters (PROFILE=bench, ONLY=name,name, TABLES=folder, SCORER=file)
	cargo build --workspace --profile $(PROFILE) --example boost
	@$(call venv,boost,benches/boost/requirements.txt)
	@target/bench/boost-venv/bin/python benches/boost/run.py \
	  "$(TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,release)/examples/boost" "$(TABLES)" "$(SCORER)" --only "$(ONLY)" $(OPTIONS)

.PHONY: bench-automl
bench-automl: tools-cargo ## Models beside those of PEERS=flaml,lightgbm,autogluon (BUDGET=60, SEED=1,2, ONLY=name,name, TABLES=folder, SCORER=file)
	cargo build --release -p automl
	@$(call venv,automl,benches/automl/requirements.txt)
	@case ",$(PEERS)," in *,autogluon,*) \
	  $(call venv,autogluon,benches/automl/requirements-autogluon.txt);; esac
	@target/bench/automl-venv/bin/python benches/automl/run.py "$(TARGET_DIR)/release/automl" "$(TABLES)" "$(SCORER)" \
	  --budget "$(BUDGET)" --seed "$(SEED)" --only "$(ONLY)" --peers "$(PEERS)"

.PHONY: bench-predict
bench-predict: tools-cargo ## Loading and predicting beside ONNX Runtime's, on the same files (PROFILE=bench, OPTIONS=...)
	cargo build --workspace --profile $(PROFILE) --example predict
	@$(call venv,predict,benches/predict/requirements.txt)
	@target/bench/predict-venv/bin/python benches/predict/run.py \
	  "$(TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,release)/examples/predict" $(OPTIONS)

.PHONY: bench-serve
bench-serve: binaries ## Predicting over HTTP beside FastAPI, ONNX Runtime and boto3 (OPTIONS=...)
	@echo "building releases (the first time takes many minutes) …"
	@cargo build --release -p predict -p local --bins --example load
	@cargo build --workspace --example predict
	@$(call venv,serve,benches/serve/requirements.txt)
	@mkdir -p target/bench/serve
	@ln -f $(addprefix $(BIN)/,$(filter-out predict,$(FUNCTIONS)) trainer) $(addprefix $(TARGET_DIR)/release/,predict automl-local) target/bench/serve
	@target/bench/serve-venv/bin/python benches/serve/run.py \
	  target/bench/serve "$(TARGET_DIR)/release/examples/load" $(BIN)/examples/predict $(OPTIONS)

.PHONY: bench-init
bench-init: binaries ## Start and first event of each function, beside Python's (OPTIONS=...)
	@echo "building releases (the first time takes many minutes) …"
	@cargo build --release $(addprefix -p ,$(FUNCTIONS)) --bins
	@$(call venv,init,benches/init/requirements.txt)
	@target/bench/init-venv/bin/python benches/init/run.py $(BIN) "$(TARGET_DIR)/release" events $(OPTIONS)

.PHONY: bench-families
bench-families: ## What other families of models would add to an ensemble (ONLY=name,name, TABLES=folder)
	@$(call venv,automl,benches/automl/requirements.txt)
	@target/bench/automl-venv/bin/python benches/families/run.py "$(TABLES)" "$(ONLY)"

.PHONY: cost
cost: ## Reckon docs/cost.md anew from the price list and the template (CHECK=1: fail if it is another)
	@python3 docs/cost.py $(if $(CHECK),--check)

# The environment of SAM's programs and of ours that deploy. cargo-lambda takes Zig from the first python3 that it finds: it must be its own.
SAM := PATH="$(CURDIR)/$(VENV)/bin:$(CURDIR)/target/bench/template-venv/bin:$$PATH" SAM_CLI_TELEMETRY=0

.PHONY: sam-build
sam-build: tools-lambda tools-sam ## Build the functions as a deployment does, into target/sam
	$(SAM) sam build

.PHONY: deploy
deploy: tools-lambda tools-sam ## Build and deploy everything to AWS (ENV=dev or another section of samconfig.toml)
	@$(SAM) target/bench/template-venv/bin/python deploy/deploy.py "$(ENV)"

.PHONY: destroy
destroy: tools-sam ## Remove a deployment and all that it holds (ENV=dev)
	@$(SAM) target/bench/template-venv/bin/python deploy/destroy.py "$(ENV)"

# ---- what the targets need, installed when it is missing ----

.PHONY: tools-cargo
tools-cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust (stable), then run make again" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install build-essential" >&2; exit 1; }

.PHONY: tools-sam
tools-sam:
	@$(call venv,template,tests/template/requirements.txt)

.PHONY: tools-nextest
tools-nextest:
	@cargo nextest --version >/dev/null 2>&1 || { echo "installing cargo-nextest …"; cargo install --locked cargo-nextest; }

.PHONY: tools-chromium
tools-chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && echo "installing chromium …" && apt-get install -y -qq chromium >/dev/null 2>&1; } \
	  || echo "NOT CHECKED: the reports in a browser (apt-get install chromium)" >&2

.PHONY: tools-fuzz
tools-fuzz:
	@cargo fuzz --version >/dev/null 2>&1 || { echo "installing cargo-fuzz …"; cargo install --locked cargo-fuzz; }
	@command -v c++ >/dev/null || { echo "a C++ compiler is missing: apt-get install build-essential" >&2; exit 1; }

.PHONY: tools-deny
tools-deny:
	@cargo deny --version >/dev/null 2>&1 || { echo "installing cargo-deny …"; cargo install --locked cargo-deny; }

.PHONY: tools-lambda
tools-lambda: tools-cargo
	@[ -x $(VENV)/bin/python ] || python3 -m venv $(VENV) || { echo "python3 cannot make a virtual environment: apt-get install python3-venv" >&2; exit 1; }
	@[ -x $(VENV)/bin/cargo-lambda ] || { echo "installing cargo-lambda …"; $(VENV)/bin/pip install --quiet cargo-lambda; }

$(VENV)/installed: tests/requirements.txt
	@echo "installing what the tests compare with …"
	@[ -x $(VENV)/bin/python ] || python3 -m venv $(VENV) || { echo "python3 cannot make a virtual environment: apt-get install python3-venv" >&2; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

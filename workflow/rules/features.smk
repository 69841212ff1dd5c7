# Features of each word: language models' hidden states and surprisal, controls.

FEATURES = f"{ROOT}/features/{{model}}.nc"
# Features of the same model over windows of other lengths: the layers to keep, by length in words.
SWEEP = {entry["context_words"]: entry["layers"] for entry in values("encoding.sweep")}
EXTRACTION = {k: v for k, v in values("features").items() if k != "user_columns"}


rule lm_features:
    input:
        ready=READY,
        words=WORDS,
        # random weights need the architecture and tokenizer of the base model
        weights=lambda wildcards: model_file(
            "base" if wildcards.model == "untrained" else wildcards.model
        ),
    output:
        features=FEATURES,
    log:
        f"{LOGS}/lm_features_{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/lm_features-{{model}}.tsv"
    wildcard_constraints:
        model="base|untrained|tuned_[A-Za-z0-9_]+",
    conda:
        "../../envs/lm.yaml"
    threads: 1 if STUDY.language_model.source == "tiny" else 8
    resources:
        mem_mb=2000 if STUDY.language_model.source == "tiny" else 16000,
        gpu=0 if STUDY.language_model.source == "tiny" else 1,
    params:
        settings=EXTRACTION,
        # the controls hold the base model's surprisal
        surprisal=lambda wildcards: wildcards.model == "base",
        untrained_seed=lambda wildcards: (STUDY.seed if wildcards.model == "untrained" else None),
        language_model=values("language_model"),
        code=code("lm_features.py"),
    message:
        "Hidden states of '{wildcards.model}' for every word"
    script:
        "../scripts/lm_features.py"


use rule lm_features as sweep_features with:
    input:
        ready=READY,
        words=WORDS,
        weights=model_file("base"),
    output:
        features=f"{ROOT}/features/sweep/context_{{context}}.nc",
    log:
        f"{LOGS}/sweep_features_{{context}}.log",
    benchmark:
        f"{BENCHMARKS}/sweep_features-{{context}}.tsv"
    wildcard_constraints:
        context="[0-9]+",
    params:
        settings=lambda wildcards: {
            **EXTRACTION,
            "context_words": int(wildcards.context),
            "layers": SWEEP[int(wildcards.context)],
        },
        surprisal=False,
        untrained_seed=None,
        language_model=values("language_model"),
        code=code("lm_features.py"),
    message:
        "Hidden states of every word in a window of {wildcards.context} words"


rule static_features:
    input:
        ready=READY,
        words=WORDS,
        weights=model_file("base"),
    output:
        features=f"{ROOT}/features/static.nc",
    log:
        f"{LOGS}/static_features.log",
    benchmark:
        f"{BENCHMARKS}/static_features.tsv"
    conda:
        "../../envs/lm.yaml"
    threads: 1
    resources:
        mem_mb=2000 if STUDY.language_model.source == "tiny" else 8000,
    params:
        strip_punctuation=values("features.strip_punctuation"),
        language_model=values("language_model"),
        code=code("static_features.py"),
    message:
        "Input embedding of every word"
    script:
        "../scripts/static_features.py"


rule control_features:
    input:
        words=WORDS,
        lm=f"{ROOT}/features/base.nc",
    output:
        controls=f"{ROOT}/features/controls.tsv",
    log:
        f"{LOGS}/control_features.log",
    benchmark:
        f"{BENCHMARKS}/control_features.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    params:
        user_columns=values("features.user_columns"),
        code=code("control_features.py"),
    message:
        "Length, frequency, position and surprisal of every word"
    script:
        "../scripts/control_features.py"


rule features:
    input:
        lambda wildcards: {f for s in [*SPACES, *TUNED] for f in feature_files(s).values()},
        expand(rules.sweep_features.output.features, context=SWEEP),

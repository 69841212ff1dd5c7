# Does a tuned model predict the brain better, where, when, and only for its own domain?


rule group_average:
    input:
        responses=ALL_RESPONSES,
    output:
        responses=f"{ROOT}/evaluation/group_average.nc",
    log:
        f"{LOGS}/group_average.log",
    benchmark:
        f"{BENCHMARKS}/group_average.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("group_average.py"),
    message:
        "Averaging the responses over people"
    script:
        "../scripts/group_average.py"


use rule encode as encode_group with:
    input:
        responses=rules.group_average.output.responses,
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        features=lambda wildcards: list(feature_files(wildcards.space).values()),
    output:
        scores=f"{ROOT}/evaluation/spaces/{{space}}.nc",
        predictions=f"{ROOT}/evaluation/spaces/{{space}}_predictions.nc",
    log:
        f"{LOGS}/encode_group_{{space}}.log",
    benchmark:
        f"{BENCHMARKS}/encode_group-{{space}}.tsv"
    wildcard_constraints:
        space="|".join(["lm", *TUNED]),
    params:
        parts=lambda wildcards: list(feature_files(wildcards.space)),
        layer=STUDY.encoding.layer,
        design=design("lm"),
        ridge=RIDGE,
        code=code("encode.py"),
    message:
        "Predicting the group's average from '{wildcards.space}'"


rule compare:
    input:
        responses=ALL_RESPONSES,
        base=expand(rules.encode_group.output.predictions, space="lm"),
        tuned=expand(rules.encode_group.output.predictions, space="tuned_{domain}"),
        folds=f"{ROOT}/folds.tsv",
    output:
        comparison=f"{ROOT}/evaluation/{{domain}}.nc",
        words=f"{ROOT}/evaluation/{{domain}}_words.tsv",
    log:
        f"{LOGS}/compare_{{domain}}.log",
    benchmark:
        f"{BENCHMARKS}/compare-{{domain}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        settings=values("evaluation"),
        seed=STUDY.seed,
        code=code("compare.py"),
    message:
        "Comparing the model tuned on '{wildcards.domain}' with the base model"
    script:
        "../scripts/compare.py"


rule specificity:
    input:
        improvements=expand(rules.compare.output.words, domain=DOMAINS),
        categories=CATEGORIES,
        controls=f"{ROOT}/features/controls.tsv",
        divergence=f"{ROOT}/divergence/words.tsv",
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
    output:
        table=f"{ROOT}/evaluation/specificity.tsv",
    log:
        f"{LOGS}/specificity.log",
    benchmark:
        f"{BENCHMARKS}/specificity.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    params:
        domains=DOMAINS,
        settings={key: values("evaluation")[key] for key in ("block", "resamples")},
        seed=STUDY.seed,
        code=code("specificity.py"),
    message:
        "Which words each tuned model predicts better"
    script:
        "../scripts/specificity.py"


COMPARISONS = expand(rules.compare.output.comparison, domain=DOMAINS)
SPECIFICITY = [rules.specificity.output.table] if DOMAINS and CATEGORIES else []


rule evaluation:
    input:
        COMPARISONS,
        SPECIFICITY,

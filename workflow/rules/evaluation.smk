# Does a tuned model predict the brain better, where, when, and only for its own domain?


rule compare:
    input:
        responses=ALL_RESPONSES,
        base=expand(PREDICTIONS, space="lm", subject=SUBJECTS),
        tuned=expand(PREDICTIONS, space="tuned_{domain}", subject=SUBJECTS),
        base_scores=expand(rules.encode.output.scores, space="lm", subject=SUBJECTS),
        tuned_scores=expand(rules.encode.output.scores, space="tuned_{domain}", subject=SUBJECTS),
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

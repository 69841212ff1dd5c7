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


# The fits to the group's average tell most about the words, each person's own about the people.
rule compare:
    input:
        responses=[rules.group_average.output.responses],
        base=expand(rules.encode_group.output.predictions, space="lm"),
        base_scores=expand(rules.encode_group.output.scores, space="lm"),
        tuned=expand(rules.encode_group.output.predictions, space="tuned_{domain}"),
        tuned_scores=expand(rules.encode_group.output.scores, space="tuned_{domain}"),
        base_people=expand(rules.encode.output.scores, space="lm", subject=SUBJECTS),
        tuned_people=expand(
            rules.encode.output.scores,
            space="tuned_{domain}",
            subject=SUBJECTS,
            allow_missing=True,
        ),
        recording=ALL_RESPONSES[0],
        ceiling=rules.noise_ceiling.output.ceiling,
        folds=f"{ROOT}/folds.tsv",
    output:
        comparison=f"{ROOT}/evaluation/{{domain}}.nc",
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
        **CLEARING,
        settings=values("evaluation"),
        level=STUDY.significance.level,
        seed=STUDY.seed,
        code=code("compare.py"),
    message:
        "Comparing the model tuned on '{wildcards.domain}' with the base model"
    script:
        "../scripts/compare.py"


rule word_improvement:
    input:
        responses=rules.group_average.output.responses,
        base=expand(rules.encode_group.output.predictions, space="lm")[0],
        tuned=expand(rules.encode_group.output.predictions, space="tuned_{domain}")[0],
        folds=f"{ROOT}/folds.tsv",
    output:
        words=f"{ROOT}/evaluation/{{domain}}_words.tsv",
    log:
        f"{LOGS}/word_improvement_{{domain}}.log",
    benchmark:
        f"{BENCHMARKS}/word_improvement-{{domain}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        **CLEARING,
        window=values("evaluation")["windows"][0],
        code=code("word_improvement.py"),
    message:
        "How much better '{wildcards.domain}' predicts each word"
    script:
        "../scripts/word_improvement.py"


rule specificity:
    input:
        improvements=expand(rules.word_improvement.output.words, domain=DOMAINS),
        categories=CATEGORIES,
        controls=f"{ROOT}/features/controls.tsv",
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
        **CLEARING,
        domains=DOMAINS,
        nested=set(STUDY.encoding.spaces.lm) <= set(STUDY.encoding.spaces.tuned),
        settings={key: values("evaluation")[key] for key in ("block", "resamples")},
        seed=STUDY.seed,
        code=code("specificity.py"),
    message:
        "Which words each tuned model predicts better"
    script:
        "../scripts/specificity.py"


use rule compare as beyond_controls with:
    input:
        responses=ALL_RESPONSES,
        base=expand(PREDICTIONS, space="controls", subject=SUBJECTS),
        base_scores=expand(rules.encode.output.scores, space="controls", subject=SUBJECTS),
        tuned=expand(PREDICTIONS, space="lm", subject=SUBJECTS),
        tuned_scores=expand(rules.encode.output.scores, space="lm", subject=SUBJECTS),
        base_people=expand(rules.encode.output.scores, space="controls", subject=SUBJECTS),
        tuned_people=expand(rules.encode.output.scores, space="lm", subject=SUBJECTS),
        recording=ALL_RESPONSES[0],
        ceiling=rules.noise_ceiling.output.ceiling,
        folds=f"{ROOT}/folds.tsv",
    output:
        comparison=f"{ROOT}/evaluation/beyond_controls.nc",
    log:
        f"{LOGS}/beyond_controls.log",
    benchmark:
        f"{BENCHMARKS}/beyond_controls.tsv"
    params:
        **CLEARING,
        settings=values("evaluation") | ({"windows": []} if CONTINUOUS else {}),
        level=STUDY.significance.level,
        seed=STUDY.seed,
        code=code("compare.py"),
    message:
        "What the language model adds to the controls"


BEYOND = [rules.beyond_controls.output.comparison] if "controls" in SPACES else []
COMPARISONS = expand(rules.compare.output.comparison, domain=DOMAINS)
SPECIFICITY = [rules.specificity.output.table] if DOMAINS and CATEGORIES else []


rule evaluation:
    input:
        BEYOND,
        COMPARISONS,
        SPECIFICITY,

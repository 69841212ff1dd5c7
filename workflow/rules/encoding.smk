# Encoding models: features of the words predict the responses, and where they do significantly.

PREDICTIONS = f"{ROOT}/encoding/{{space}}/sub-{{subject}}_predictions.nc"


rule encode:
    input:
        responses=RESPONSES,
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        features=lambda wildcards: list(feature_files(wildcards.space).values()),
    output:
        scores=f"{ROOT}/encoding/{{space}}/sub-{{subject}}.nc",
        predictions=PREDICTIONS,
    log:
        f"{LOGS}/encode_{{space}}_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/encode-{{space}}_{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        **CLEARING,
        parts=lambda wildcards: list(feature_files(wildcards.space)),
        rate=lambda wildcards: "rate" in getattr(STUDY.encoding.spaces, wildcards.space),
        layer=STUDY.encoding.layer,
        components=STUDY.encoding.components,
        ridge=values("encoding.ridge"),
        delays=values("encoding.delays"),
        code=code("encode.py"),
    message:
        "Predicting {wildcards.subject}'s responses from '{wildcards.space}'"
    script:
        "../scripts/encode.py"


rule encode_denoised:
    input:
        responses=RESPONSES,
        others=rules.cross_subject_prediction.input.others,
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        features=list(feature_files("lm").values()),
    output:
        scores=f"{ROOT}/encoding/denoised/sub-{{subject}}.nc",
    log:
        f"{LOGS}/encode_denoised_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/encode_denoised-{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=3500,
    params:
        parts=list(feature_files("lm")),
        layer=STUDY.encoding.layer,
        components=STUDY.encoding.components,
        ridge=values("encoding.ridge"),
        denoising=values("denoising"),
        code=code("encode_denoised.py"),
    message:
        "Predicting {wildcards.subject}'s denoised responses"
    script:
        "../scripts/encode_denoised.py"


rule significance:
    input:
        responses=ALL_RESPONSES,
        predictions=expand(PREDICTIONS, subject=SUBJECTS, allow_missing=True),
        folds=f"{ROOT}/folds.tsv",
    output:
        significance=f"{ROOT}/significance/{{space}}.nc",
    log:
        f"{LOGS}/significance_{{space}}.log",
    benchmark:
        f"{BENCHMARKS}/significance-{{space}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        **CLEARING,
        settings=values("significance"),
        seed=STUDY.seed,
        code=code("significance.py"),
    message:
        "Where '{wildcards.space}' predicts better than chance"
    script:
        "../scripts/significance.py"


SCORES = expand(rules.encode.output.scores, space=SPACES, subject=SUBJECTS)
SIGNIFICANCE = expand(rules.significance.output.significance, space=SPACES)
DENOISED = (
    expand(rules.encode_denoised.output.scores, subject=SUBJECTS)
    if STUDY.encoding.ridge.denoised and len(SUBJECTS) > 1
    else []
)


rule encoding:
    input:
        SCORES,
        SIGNIFICANCE,
        DENOISED,

# Words and sentences where the language model and the brains part ways.


rule divergence:
    input:
        words=WORDS,
        responses=ALL_RESPONSES,
        scores=expand(rules.encode.output.scores, space="lm", subject=SUBJECTS),
        predictions=expand(PREDICTIONS, space="lm", subject=SUBJECTS),
        cross_subject=CROSS_SUBJECT,
        controls=f"{ROOT}/features/controls.tsv",
        features=list(feature_files("lm").values()),
        control_predictions=(
            expand(PREDICTIONS, space="controls", subject=SUBJECTS) if "controls" in SPACES else []
        ),
        folds=f"{ROOT}/folds.tsv",
    output:
        words=f"{ROOT}/divergence/words.tsv",
        sentences=f"{ROOT}/divergence/sentences.tsv",
        diagnostics=f"{ROOT}/divergence/diagnostics.tsv",
    log:
        f"{LOGS}/divergence.log",
    benchmark:
        f"{BENCHMARKS}/divergence.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        **CLEARING,
        settings=values("divergence"),
        parts=list(feature_files("lm")),
        layer=STUDY.encoding.layer,
        code=code("divergence.py"),
    message:
        "Scoring every word and sentence by divergence"
    script:
        "../scripts/divergence.py"

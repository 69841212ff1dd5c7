# One page that shows it all; for a simulated cohort, what was found of what was planted.

if STUDY.data.kind == "simulated":

    rule scorecard:
        input:
            truth=expand(f"{ROOT}/truth/sub-{{subject}}.json", subject=SUBJECTS),
            regressors=f"{ROOT}/truth/regressors.tsv",
            words=WORDS,
            folds=f"{ROOT}/folds.tsv",
            scores=expand(rules.encode.output.scores, space="lm", subject=SUBJECTS),
            significance=expand(rules.significance.output.significance, space="lm"),
            beyond=BEYOND,
            features=list(feature_files("lm").values()),
            word_divergence=f"{ROOT}/divergence/words.tsv",
            sentence_divergence=f"{ROOT}/divergence/sentences.tsv",
            ranked=f"{ROOT}/hypotheses/ranked.tsv",
            histories=HISTORIES,
            comparisons=COMPARISONS,
            specificity=SPECIFICITY,
        output:
            scorecard=f"{ROOT}/scorecard.json",
        log:
            f"{LOGS}/scorecard.log",
        benchmark:
            f"{BENCHMARKS}/scorecard.tsv"
        conda:
            "../../envs/report.yaml"
        threads: 1
        resources:
            mem_mb=2000,
        params:
            parts=list(feature_files("lm")),
            layer=STUDY.encoding.layer,
            domains=DOMAINS,
            planted=STUDY.data.simulated.recordings.planted_domains,
            measure=STUDY.divergence.measure,
            block=STUDY.encoding.drift_cutoff or STUDY.features.context_words,
            benchmarks=BENCHMARKS,
            seed=STUDY.seed,
            code=code("scorecard.py"),
        message:
            "Holding what was found against what was planted"
        script:
            "../scripts/scorecard.py"


rule report_page:
    input:
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        responses=ALL_RESPONSES,
        quality=(
            [
                rules.preprocess.output.quality.format(subject=subject, run=run)
                for subject in SUBJECTS
                for run in runs_of(subject)
            ]
            if RECORDED
            else []
        ),
        timing=(
            expand(rules.word_locked_responses.output.timing, subject=SUBJECTS) if RECORDED else []
        ),
        word_responses=(
            [] if CONTINUOUS else expand(rules.word_response.output.summary, subject=SUBJECTS)
        ),
        ceiling=rules.noise_ceiling.output.ceiling,
        scores=SCORES,
        denoised=DENOISED,
        partitions=PARTITIONS,
        sweeps=SWEEPS,
        significance=SIGNIFICANCE,
        beyond=BEYOND,
        word_divergence=f"{ROOT}/divergence/words.tsv",
        sentence_divergence=f"{ROOT}/divergence/sentences.tsv",
        diagnostics=f"{ROOT}/divergence/diagnostics.tsv",
        groups=f"{ROOT}/hypotheses/groups.tsv",
        ranked=f"{ROOT}/hypotheses/ranked.tsv",
        histories=HISTORIES,
        comparisons=COMPARISONS,
        specificity=SPECIFICITY,
        agreement=AGREEMENT,
        scorecard=rules.scorecard.output.scorecard if STUDY.data.kind == "simulated" else [],
    output:
        page=f"{ROOT}/report/index.html",
    log:
        f"{LOGS}/report_page.log",
    benchmark:
        f"{BENCHMARKS}/report_page.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        config=STUDY.model_dump(mode="json"),
        subjects=SUBJECTS,
        runs=[(subject, run) for subject in SUBJECTS for run in runs_of(subject)],
        spaces=SPACES,
        domains=DOMAINS,
        templates=[content(f"report/{name}") for name in ("page.html", "methods.html", "page.css")],
        code=code("report_page.py"),
    message:
        "Writing the report"
    script:
        "../scripts/report_page.py"


rule report:
    input:
        rules.report_page.output.page,

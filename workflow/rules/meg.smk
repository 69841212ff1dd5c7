# Recordings to word-locked responses, folds, cross-subject prediction and noise ceiling.

if RECORDED:
    CLEANED = f"{ROOT}/meg/sub-{{subject}}_run-{{run}}_raw.fif"

    rule preprocess:
        input:
            ready=READY,
            raw=lambda wildcards: recording_files(wildcards.subject, wildcards.run),
            reference=lambda wildcards: recording_files(
                wildcards.subject, runs_of(wildcards.subject)[0]
            ),
            room=lambda wildcards: empty_room(wildcards.subject, wildcards.run),
        output:
            raw=CLEANED if STUDY.preprocessing.keep_cleaned else temp(CLEANED),
            quality=f"{ROOT}/meg/sub-{{subject}}_run-{{run}}_quality.json",
        log:
            f"{LOGS}/preprocess_{{subject}}_{{run}}.log",
        benchmark:
            f"{BENCHMARKS}/preprocess-{{subject}}_{{run}}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            # Of 10 minutes of 306 sensors at 1 kHz; movement compensation copies them once more.
            mem_mb=6000 if STUDY.preprocessing.maxwell.movement_compensation else 4000,
        params:
            settings=lambda wildcards: STUDY.preprocessing.of(wildcards.subject),
            code=code("preprocess.py"),
        message:
            "Cleaning run {wildcards.run} of {wildcards.subject}"
        script:
            "../scripts/preprocess.py"

    rule word_locked_responses:
        input:
            raw=lambda wildcards: expand(
                rules.preprocess.output.raw,
                subject=wildcards.subject,
                run=runs_of(wildcards.subject),
            ),
            recorded=lambda wildcards: [
                recording_files(wildcards.subject, run)[0]
                for run in runs_of(wildcards.subject)
                if STUDY.timing.reads_recordings
            ],
            events=lambda wildcards: events_files(wildcards.subject),
            words=WORDS,
        output:
            responses=RESPONSES,
            timing=f"{ROOT}/meg/sub-{{subject}}_timing.json",
        log:
            f"{LOGS}/word_locked_responses_{{subject}}.log",
        benchmark:
            f"{BENCHMARKS}/word_locked_responses-{{subject}}.tsv"
        priority: 1  # frees the cleaned recordings early
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=2000,
        params:
            settings=values("responses"),
            root=BIDS.root,
            story=STUDY.data.story,
            story_per=BIDS.story_per,
            runs=lambda wildcards: {run: RUNS[run] for run in runs_of(wildcards.subject)},
            presentations=BIDS.presentations,
            events=BIDS.events.model_dump(),
            timing=values("timing"),
            code=code("word_locked_responses.py"),
        message:
            "Averaging the responses of {wildcards.subject} to each word"
        script:
            "../scripts/word_locked_responses.py"


if not CONTINUOUS:

    rule word_response:
        input:
            responses=RESPONSES,
        output:
            summary=f"{ROOT}/meg/sub-{{subject}}_word_response.json",
        log:
            f"{LOGS}/word_response_{{subject}}.log",
        benchmark:
            f"{BENCHMARKS}/word_response-{{subject}}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=1500,
        params:
            seed=STUDY.seed,
            code=code("word_response.py"),
        message:
            "Averaging {wildcards.subject}'s responses over words"
        script:
            "../scripts/word_response.py"


rule folds:
    input:
        words=WORDS,
        responses=ALL_RESPONSES,
    output:
        folds=f"{ROOT}/folds.tsv",
    log:
        f"{LOGS}/folds.log",
    benchmark:
        f"{BENCHMARKS}/folds.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    params:
        settings=values("folds"),
        context_words=max(
            [STUDY.features.context_words, *(e.context_words for e in STUDY.encoding.sweep)]
        ),
        delays=values("encoding.delays"),
        trim=values("encoding.trim"),
        repetition_time=REPETITION_TIME,
        code=code("folds.py"),
    message:
        "Cutting the story into folds"
    script:
        "../scripts/folds.py"


rule cross_subject_prediction:
    input:
        responses=RESPONSES,
        others=lambda wildcards: expand(
            RESPONSES, subject=[s for s in SUBJECTS if s != wildcards.subject]
        ),
        folds=rules.folds.output.folds,
    output:
        prediction=f"{ROOT}/denoising/sub-{{subject}}.nc",
    log:
        f"{LOGS}/cross_subject_prediction_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/cross_subject_prediction-{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=max(2500, 1000 + 300 * len(SUBJECTS)),
    params:
        **CLEARING,
        settings=values("denoising"),
        seed=STUDY.seed,
        code=code("cross_subject_prediction.py"),
    message:
        "Predicting the responses of {wildcards.subject} from the other people's"
    script:
        "../scripts/cross_subject_prediction.py"


CROSS_SUBJECT = (
    expand(rules.cross_subject_prediction.output.prediction, subject=SUBJECTS)
    if len(SUBJECTS) > 1
    else []
)


rule noise_ceiling:
    input:
        responses=ALL_RESPONSES,
        cross_subject=CROSS_SUBJECT,
        folds=rules.folds.output.folds,
    output:
        ceiling=f"{ROOT}/ceiling.nc",
    log:
        f"{LOGS}/noise_ceiling.log",
    benchmark:
        f"{BENCHMARKS}/noise_ceiling.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=max(2500, 1000 + 200 * len(SUBJECTS)),
    params:
        **CLEARING,
        subjects=SUBJECTS,
        seed=STUDY.seed,
        code=code("noise_ceiling.py"),
    message:
        "How much of the responses any model could predict"
    script:
        "../scripts/noise_ceiling.py"


rule meg:
    input:
        ALL_RESPONSES,
        rules.noise_ceiling.output,

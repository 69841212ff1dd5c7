# The words table and, for data that are already responses, their import.

WORDS = f"{ROOT}/words.tsv"
RESPONSES = f"{ROOT}/responses/sub-{{subject}}" + (".nc" if CONTINUOUS else "-epo.fif")
ALL_RESPONSES = expand(RESPONSES, subject=SUBJECTS)
READY = [] if STUDY.data.kind == "simulated" else [f"{ROOT}/inventory.json"]
CATEGORIES = {
    "simulated": [f"{ROOT}/categories.tsv"],
    "harry_potter": [f"{ROOT}/categories.tsv"] * (STUDY.data.harry_potter.chapters == [9]),
    "bids": [STUDY.data.bids.categories] if STUDY.data.bids.categories else [],
}.get(STUDY.data.kind, [])
AGREEMENT = [f"{ROOT}/agreement.tsv"] if STUDY.data.kind == "harry_potter" and CATEGORIES else []


if READY:

    localrules:
        inventory,

    rule inventory:
        output:
            inventory=f"{ROOT}/inventory.json",
        log:
            f"{LOGS}/inventory.log",
        benchmark:
            f"{BENCHMARKS}/inventory.tsv"
        conda:
            "../../envs/lm.yaml"
        threads: 1
        params:
            kind=STUDY.data.kind,
            subjects=SUBJECTS,
            settings=values(f"data.{STUDY.data.kind}")
            | ({"root": BIDS.root} if STUDY.data.kind == "bids" else {}),
            recordings=RUNS,
            lacking=STUDY.data.missing,
            story=STUDY.data.story,
            audio=values("timing.audio"),
            language_model=values("language_model"),
            choice_sets={d: values("finetuning.sets")[d] for d in DOMAINS},
            proposer=STUDY.hypotheses.proposer.backend,
            verifier=STUDY.hypotheses.verifier.backend,
            source=source_code(),
            code=code("inventory.py"),
        message:
            "Looking for everything that the study needs, before any long job"
        script:
            "../scripts/inventory.py"


if RECORDED:

    rule words_table:
        input:
            ready=READY,
            events=[file for subject in SUBJECTS for file in events_files(subject)],
            description=simulated(f"{BIDS.root}/dataset_description.json"),
        output:
            words=WORDS,
        log:
            f"{LOGS}/words_table.log",
        benchmark:
            f"{BENCHMARKS}/words_table.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        params:
            settings={
                "root": BIDS.root,
                "recordings": RUNS,
                "presentations": BIDS.presentations,
                "lacking": STUDY.data.missing,
                "story": STUDY.data.story,
                "story_per": BIDS.story_per,
                "words_file": STUDY.timing.audio.words,
                "user_columns": values("features.user_columns"),
                **BIDS.events.model_dump(),
            },
            subjects=SUBJECTS,
            code=code("words_table.py"),
        message:
            "Reading the words from the events of all people and runs"
        script:
            "../scripts/words_table.py"


if not RECORDED:

    rule import_words:
        input:
            ready=READY,
        output:
            words=WORDS,
            categories=CATEGORIES,
            agreement=AGREEMENT,
        log:
            f"{LOGS}/import_words.log",
        benchmark:
            f"{BENCHMARKS}/import_words.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=2000,
        params:
            kind=STUDY.data.kind,
            settings=values(f"data.{STUDY.data.kind}"),
            lacking=STUDY.data.missing,
            story=STUDY.data.story,
            subjects=SUBJECTS,
            seed=STUDY.seed,
            source=source_code(),
            code=code("import_words.py"),
        message:
            "Reading the words of the story"
        script:
            "../scripts/import_words.py"

    rule import_responses:
        input:
            ready=READY,
            words=WORDS,
        output:
            responses=RESPONSES,
        log:
            f"{LOGS}/import_responses_{{subject}}.log",
        benchmark:
            f"{BENCHMARKS}/import_responses-{{subject}}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=3000,
        params:
            kind=STUDY.data.kind,
            settings=values(f"data.{STUDY.data.kind}"),
            lacking=STUDY.data.missing,
            binning=values("responses"),
            source=source_code(),
            code=code("import_responses.py"),
        message:
            "Reading the responses of {wildcards.subject}"
        script:
            "../scripts/import_responses.py"

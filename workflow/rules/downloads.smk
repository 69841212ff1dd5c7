# What can be fetched of the published data set: asked for by name, never by a study.

if not RECORDED:

    localrules:
        download,

    rule download:
        log:
            f"{LOGS}/download.log",
        conda:
            "../../envs/lm.yaml"
        threads: 1
        params:
            kind=STUDY.data.kind,
            subjects=SUBJECTS,
            settings=values(f"data.{STUDY.data.kind}"),
            lacking=STUDY.data.missing,
        message:
            "Fetching the open files of the data set {params.kind}"
        script:
            "../scripts/download.py"

# Where do language models and human brains part ways on a story?
# The study's stages in order; each file of rules is one stage, `all` ends in the report.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/downloads.smk"
include: "workflow/rules/language_model.smk"
include: "workflow/rules/meg.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/encoding.smk"
include: "workflow/rules/divergence.smk"
include: "workflow/rules/hypotheses.smk"
include: "workflow/rules/finetuning.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"


if STUDY.data.kind == "simulated":

    include: "workflow/rules/simulation.smk"


if STUDY.target == "calibration":

    include: "workflow/rules/calibration.smk"


localrules:
    all,
    meg,
    features,
    encoding,
    hypotheses,
    finetuning,
    evaluation,
    report,


rule all:
    default_target: True
    input:
        rules.calibration_verdict.output if STUDY.target == "calibration" else rules.report.input,

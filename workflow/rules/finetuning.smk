# The language model tuned on each domain's multiple-choice questions.


rule finetune:
    input:
        ready=READY,
        choices=choice_folder,
        weights=model_file("base"),
    output:
        weights=f"{ROOT}/models/tuned_{{domain}}/model.safetensors",
        config=f"{ROOT}/models/tuned_{{domain}}/config.json",
        tokenizer=f"{ROOT}/models/tuned_{{domain}}/tokenizer.json",
        history=f"{ROOT}/finetuning/{{domain}}.tsv",
    log:
        f"{LOGS}/finetune_{{domain}}.log",
    benchmark:
        f"{BENCHMARKS}/finetune-{{domain}}.tsv"
    conda:
        "../../envs/lm.yaml"
    threads: 1
    resources:
        mem_mb=2000 if STUDY.language_model.source == "tiny" else 40000,
        gpu=0 if STUDY.language_model.source == "tiny" else 1,
    params:
        choice_set=lambda wildcards: values("finetuning.sets")[wildcards.domain],
        training=values("finetuning.training"),
        language_model=values("language_model"),
        seed=STUDY.seed,
        code=code("finetune.py"),
    message:
        "Tuning the language model on '{wildcards.domain}'"
    script:
        "../scripts/finetune.py"


HISTORIES = expand(rules.finetune.output.history, domain=DOMAINS)


rule finetuning:
    input:
        HISTORIES,

# The tiny language models, made here where no other model is named.

if STUDY.data.kind == "simulated" or STUDY.language_model.source == "tiny":

    rule tiny_language_model:
        input:
            ready=READY,
        output:
            weights=f"{ROOT}/models/{{model}}/model.safetensors",
            config=f"{ROOT}/models/{{model}}/config.json",
            tokenizer=f"{ROOT}/models/{{model}}/tokenizer.json",
        log:
            f"{LOGS}/tiny_language_model_{{model}}.log",
        benchmark:
            f"{BENCHMARKS}/tiny_language_model-{{model}}.tsv"
        wildcard_constraints:
            model="base|brain",
        conda:
            "../../envs/lm.yaml"
        threads: 1
        resources:
            mem_mb=2000,
        params:
            texts={
                k: values("data.simulated.language")[k] for k in ("corpus_sentences", "vocabulary")
            },
            training={
                k: values("data.simulated.language")[k] for k in ("batch_size", "learning_rate")
            },
            size=lambda wildcards: values(
                "data.simulated.language."
                + {"base": "analysed_model", "brain": "brain_model"}[wildcards.model]
            ),
            seed=STUDY.seed,
            material=content("simulation/material"),
            code=code("tiny_language_model.py"),
        message:
            "Training the tiny language model '{wildcards.model}'"
        script:
            "../scripts/tiny_language_model.py"

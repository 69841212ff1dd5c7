# Hypotheses in words: what sets the divergent sentences apart?


rule groups:
    input:
        sentences=f"{ROOT}/divergence/sentences.tsv",
    output:
        groups=f"{ROOT}/hypotheses/groups.tsv",
    log:
        f"{LOGS}/groups.log",
    benchmark:
        f"{BENCHMARKS}/groups.tsv"
    conda:
        "../../envs/hypotheses.yaml"
    threads: 1
    params:
        settings=values("hypotheses.groups"),
        code=code("groups.py"),
    message:
        "Choosing the sentences to compare"
    script:
        "../scripts/groups.py"


rule propose:
    input:
        groups=rules.groups.output.groups,
    output:
        hypotheses=f"{ROOT}/hypotheses/proposed.jsonl",
    log:
        f"{LOGS}/propose.log",
    benchmark:
        f"{BENCHMARKS}/propose.tsv"
    conda:
        "../../envs/hypotheses.yaml"
    threads: 1
    params:
        settings=values("hypotheses.proposer"),
        cache=f"{ROOT}/cache/answers",
        seed=STUDY.seed,
        code=code("propose.py"),
    message:
        "Proposing what distinguishes the groups"
    script:
        "../scripts/propose.py"


rule verify:
    input:
        groups=rules.groups.output.groups,
        hypotheses=rules.propose.output.hypotheses,
    output:
        verdicts=f"{ROOT}/hypotheses/verdicts.tsv",
    log:
        f"{LOGS}/verify.log",
    benchmark:
        f"{BENCHMARKS}/verify.tsv"
    conda:
        "../../envs/hypotheses.yaml"
    threads: 1
    params:
        settings=values("hypotheses.verifier"),
        cache=f"{ROOT}/cache/answers",
        code=code("verify.py"),
    message:
        "Judging every hypothesis on every sentence"
    script:
        "../scripts/verify.py"


rule rank_hypotheses:
    input:
        groups=rules.groups.output.groups,
        hypotheses=rules.propose.output.hypotheses,
        verdicts=rules.verify.output.verdicts,
    output:
        ranked=f"{ROOT}/hypotheses/ranked.tsv",
    log:
        f"{LOGS}/rank_hypotheses.log",
    benchmark:
        f"{BENCHMARKS}/rank_hypotheses.tsv"
    conda:
        "../../envs/hypotheses.yaml"
    threads: 1
    params:
        resamples=STUDY.hypotheses.resamples,
        seed=STUDY.seed,
        code=code("rank_hypotheses.py"),
    message:
        "Testing the hypotheses on the sentences that did not propose them"
    script:
        "../scripts/rank_hypotheses.py"


rule hypotheses:
    input:
        rules.rank_hypotheses.output,

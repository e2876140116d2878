# A job that the cluster killed (time limit, memory, preemption) may need more attempts than a run that failed of itself:
# it goes on where it was, with more time and memory.
KILLED = 2


rule run:
    """Fit, forecast, score and record methods that are not trained, one run after the other."""
    input:
        data_of_batch,
        models_of_batch,
    output:
        temp(f"{FOLDERS.work}/outcomes/{{moment}}/run/{{batch}}.json"),
    log:
        f"{LOGS}/{{moment}}-{{batch}}.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
        chosen=lambda wildcards: left(wildcards) or BATCHES[wildcards.batch],
        force=force,
    threads: STUDY.execution.threads
    retries: STUDY.execution.retries + KILLED
    resources:
        mem_mb=memory,
        runtime=minutes,
        last=last_attempt,
    shell:
        "{params.command} run {params.chosen} --scale {params.scale} --outcome {output} "
        "{resources.last} {params.force} 2>&1 | tee {log}"


use rule run as train with:
    """Train, forecast, score and record, one run after the other; a profile may give these jobs a GPU."""
    output:
        temp(f"{FOLDERS.work}/outcomes/{{moment}}/train/{{batch}}.json"),


rule model:
    """Train again what other runs start from, where its record is there and its model is not; the record stays."""
    input:
        data_of_model,
    output:
        temp(f"{FOLDERS.work}/outcomes/{{moment}}/model/{{batch}}.json"),
    log:
        f"{LOGS}/{{moment}}-{{batch}}-model.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    threads: STUDY.execution.threads
    retries: STUDY.execution.retries + KILLED
    resources:
        mem_mb=lambda wildcards, attempt: attempt * memory_mb(RUNS[wildcards.batch]),
        runtime=lambda wildcards, attempt: minutes_of([RUNS[wildcards.batch]], attempt),
        last=last_attempt,
    shell:
        "{params.command} model {wildcards.batch} --scale {params.scale} --outcome {output} "
        "{resources.last} 2>&1 | tee {log}"


rule probe:
    """Look at what is in the codes of models trained on one data set; a run that ended without a result has none."""
    input:
        data_to_probe,
        models_to_probe,
    output:
        temp(f"{FOLDERS.work}/outcomes/{{moment}}/probe/{{dataset}}.json"),
    log:
        f"{LOGS}/{{moment}}-{{dataset}}-probe.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
        chosen=lambda wildcards: PROBES_OF[wildcards.dataset],
        force="--force" if asked("rerun_stale") else "",
    threads: STUDY.execution.threads
    retries: KILLED
    resources:
        mem_mb=lambda wildcards, attempt: attempt * max(memory_mb(RUNS[key]) for key in PROBES_OF[wildcards.dataset]),
        runtime=lambda wildcards, attempt: attempt * (10 + 2 * len(PROBES_OF[wildcards.dataset])),
    shell:
        "{params.command} probe {params.chosen} --scale {params.scale} --outcome {output} --skip-failed "
        "{params.force} 2>&1 | tee {log}"

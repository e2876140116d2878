rule run:
    """Train, forecast, score and record one method on one data set with one seed."""
    input:
        data_of_run,
    output:
        temp(f"{FOLDERS.work}/outcomes/{{moment}}/{{key}}.json"),
    log:
        f"{LOGS}/{{moment}}-{{key}}.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
        force="--force" if asked("rerun_stale") else "",
    threads: STUDY.execution.threads
    retries: STUDY.execution.retries
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=minutes,
        last=last_attempt,
    shell:
        "{params.command} run {wildcards.key} --scale {params.scale} --outcome {output} "
        "{resources.last} {params.force} 2>&1 | tee {log}"

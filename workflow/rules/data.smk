rule dataset:
    """Simulate or fetch one data set."""
    output:
        **data_files("{dataset}", "{data_key}"),
    log:
        f"{LOGS}/data-{{dataset}}-{{data_key}}.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "{params.command} data {wildcards.dataset} --scale {params.scale} 2>&1 | tee {log}"


rule card:
    """Describe a data set for the report."""
    input:
        data_of_card,
    output:
        str(FOLDERS.card("{dataset}", "{data_key}")),
    log:
        f"{LOGS}/card-{{dataset}}-{{data_key}}.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} card {wildcards.dataset} --scale {params.scale} 2>&1 | tee {log}"

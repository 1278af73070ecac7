"""The regulator's platform (互联网诊疗服务监管平台), Tianjin wire format 1.0: what an internet hospital reports to."""

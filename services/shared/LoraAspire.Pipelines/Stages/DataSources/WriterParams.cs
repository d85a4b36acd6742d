namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>A chat model that writes templates and records.</summary>
public sealed record WriterParams : ChatModelParams
{
    public WriterParams() => (ApiKeyEnv, MaxRequests) = ("LORA_WRITER_KEY", 40);
}

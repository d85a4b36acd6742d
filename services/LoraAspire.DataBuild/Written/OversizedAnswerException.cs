namespace LoraAspire.DataBuild.Written;

/// <summary>A server's answer has more bytes than an answer can need.</summary>
internal sealed class OversizedAnswerException(int megabytes) : IOException($"the answer is larger than {megabytes} MB");

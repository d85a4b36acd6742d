namespace LoraAspire.DataBuild.Records;

/// <summary>One example before tokenising. An empty input means that there is none.</summary>
public sealed record InstructionRecord(string Instruction, string Input, string Output);

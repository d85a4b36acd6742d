using LoraAspire.Evaluator.Asking;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Questions of an evaluation: held-out records, and multiple choice as it is published.</summary>
internal static class EvaluatorTargets
{
    private const string Mmlu = "\"Find it, if any.\",0,4,2,6,B\nIs it?,yes,no,\"maybe, \"\"so\"\"\",never,A\n";
    private const string CEval = "id,question,A,B,C,D,answer\n0,哪个？,甲,乙,丙,丁,C\n";
    private const string Json = """{"question": "Which?", "choices": ["x", "y"], "answer": 1, "subject": "law"}""";
    private const string HeldOut = """
        [{"instruction": "Who?", "input": "x", "output": "I"}, {"question": "And?", "references": ["a", "b"]}]
        """;

    public static IEnumerable<Target> In(Scratch scratch)
    {
        var folder = scratch.Folder("evaluator");
        Target Of(string name, string form, Action<DataRoot, string> read, IReadOnlyList<string> words, params string[] corpus) =>
            new(name, () => [.. corpus.Select(AllTargets.Utf8)], bytes =>
            {
                Scratch.Write(folder, $"a{form}", bytes);
                read(new DataRoot(folder), $"a{form}");
            }, typeof(StageException))
            { Words = words };
        yield return Of("choices-csv", ".csv", (data, name) => Prompts(ChoiceFiles.Read(data, [name])),
            ["\"", ",", "\r\n", "question", "answer", "\"\"", ",A\n"], Mmlu, CEval);
        yield return Of("choices-json", ".jsonl", (data, name) => Prompts(ChoiceFiles.Read(data, [name])), AllTargets.JsonWords, Json);
        yield return Of("held-out", ".json", (data, name) => HeldOutFile.Read(data, name), AllTargets.JsonWords, HeldOut);
    }

    private static void Prompts(IReadOnlyList<ChoiceRow> rows)
    {
        foreach (var row in rows)
        {
            row.Prompt(rows.Take(2));
        }
    }
}

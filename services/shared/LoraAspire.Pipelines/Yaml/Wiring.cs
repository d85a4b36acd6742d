using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Stages;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>A stage as written, before its inputs are known to exist. Parts that could not be read are null.</summary>
internal sealed record StageDraft(
    YamlMappingNode Node, string? Id, StageKind? Kind, StageParams? With, IReadOnlyDictionary<string, YamlNode> Inputs,
    int Retries, TimeSpan? Timeout)
{
    public StageNeeds? Needs { get; init; }

    /// <summary>Where what is wrong with the stage as a whole is reported.</summary>
    public YamlNode IdNode => Node.Children.FirstOrDefault(entry => Binder.Text(entry.Key) == "id").Value ?? Node;

    public StageSpec Spec() => new(Id!, Kind!, With!,
        Inputs.ToDictionary(input => input.Key, input => Wiring.Reference(Binder.Text(input.Value) ?? "")!), Retries, Timeout)
    {
        Needs = Needs,
    };
}

/// <summary>Holds the edges to what the stage kinds give and take.</summary>
internal static partial class Wiring
{
    public static void Check(IReadOnlyList<StageDraft> drafts, Diagnostics report)
    {
        var byId = new Dictionary<string, StageDraft>();
        foreach (var draft in drafts.Where(draft => draft.Id is not null))
        {
            if (!byId.TryAdd(draft.Id!, draft))
            {
                report.Error(draft.IdNode, $"stage id '{draft.Id}' is used before, in line {byId[draft.Id!].IdNode.Start.Line}");
            }
        }
        foreach (var draft in drafts)
        {
            CheckInputs(draft, byId, report);
        }
        CheckCycles(byId, report);
    }

    /// <summary>STAGE.OUTPUT or model:NAME; null when it is neither. A name never leaves the models root.</summary>
    public static InputRef? Reference(string text) =>
        text.StartsWith("model:", StringComparison.Ordinal) ? Identifiers.IsModel(text[6..]) ? new NamedModel(text[6..]) : null
        : OutputForm().Match(text) is { Success: true } output ? new StageOutput(output.Groups[1].Value, output.Groups[2].Value)
        : null;

    private static void CheckInputs(StageDraft draft, Dictionary<string, StageDraft> byId, Diagnostics report)
    {
        foreach (var (name, node) in draft.Inputs)
        {
            var port = draft.Kind?.Input(name);
            if (draft.Kind is not null && port is null)
            {
                report.Error(node, draft.Kind.Inputs.FirstOrDefault(input => input.Many && input.Name == name.Split('.')[0]) is { } many
                    ? $"'{many.Name}' takes names, each with its source: `{many.Name}: {{ early: {Example(many)} }}`; a name is "
                        + Identifiers.StageForm
                    : $"{draft.Kind.Name} has no input '{name}': {Suggestion.For(name, draft.Kind.Inputs.Select(input => input.Name))}");
            }
            switch (Reference(Binder.Text(node) ?? ""))
            {
                case null:
                    report.Error(node,
                        $"'{Binder.Text(node)}' is no source: write STAGE.OUTPUT, or model:NAME for a folder directly under the models "
                            + "root");
                    break;
                case NamedModel when port?.Takes(ArtifactKind.Model) is false:
                    report.Error(node, $"input '{name}' takes {port.TakenWords()}, not a model");
                    break;
                case StageOutput source:
                    CheckSource(name, port, source, node, byId, report);
                    break;
            }
        }
        foreach (var port in draft.Kind?.Inputs.Where(input => input.Required && !draft.Inputs.ContainsKey(input.Name)) ?? [])
        {
            report.Error(draft.IdNode,
                $"input '{port.Name}' is missing: {draft.Kind!.Name} needs {port.Artifact.WithArticle()}, as in `inputs: "
                    + $"{{ {port.Name}: {Example(port)} }}`");
        }
        var known = draft.Inputs.Keys.Where(name => draft.Kind?.Input(name) is not null).ToList();
        if (draft.Kind?.InputProblem(known) is { } problem)
        {
            var set = draft.Kind.InputSets.FirstOrDefault(set => known.Count > 0 && known.All(set.Contains)) ?? draft.Kind.InputSets[0];
            var ports = draft.Kind.Inputs.Where(port => set.Contains(port.Name)).Select(port => $"{port.Name}: {Example(port)}");
            report.Error(draft.IdNode, $"{problem}: as in `inputs: {{ {string.Join(", ", ports)} }}`");
        }
    }

    private static void CheckSource(string name, Port? port, StageOutput source, YamlNode node, Dictionary<string, StageDraft> byId,
        Diagnostics report)
    {
        if (!byId.TryGetValue(source.Stage, out var giver))
        {
            report.Error(node, $"no stage '{source.Stage}': {Suggestion.For(source.Stage, byId.Keys)}");
            return;
        }
        if (giver.Kind is null)
        {
            return;
        }
        var given = giver.Kind.Outputs.FirstOrDefault(output => output.Name == source.Output);
        var names = giver.Kind.Outputs.Select(output => output.Name).Where(output => giver.With?.Gives(output) != false).ToList();
        if (given is null || !names.Contains(given.Name))
        {
            report.Error(node, $"stage '{source.Stage}' ({giver.Kind.Name}) gives no '{source.Output}': "
                + (names.Count == 0 ? "it gives nothing" : given is null ? Suggestion.For(source.Output, names)
                    : $"with these settings it gives {string.Join(", ", names)}"));
        }
        else if (port?.Takes(given.Artifact) is false)
        {
            report.Error(node, $"input '{name}' takes {port.TakenWords()}, but {source} is {given.Artifact.WithArticle()}");
        }
    }

    private static void CheckCycles(Dictionary<string, StageDraft> byId, Diagnostics report)
    {
        var settled = new HashSet<string>();
        foreach (var id in byId.Keys)
        {
            Visit(id, []);
        }

        void Visit(string id, List<string> path)
        {
            if (path.Contains(id))
            {
                var cycle = path[path.IndexOf(id)..];
                report.Error(byId[cycle[0]].IdNode, $"stages wait for each other: {string.Join(" → ", [.. cycle, id])}");
                return;
            }
            if (!settled.Add(id))
            {
                return;
            }
            foreach (var source in byId[id].Inputs.Values.Select(node => Reference(Binder.Text(node) ?? "")).OfType<StageOutput>()
                .Where(source => byId.ContainsKey(source.Stage)))
            {
                Visit(source.Stage, [.. path, id]);
            }
        }
    }

    private static string Example(Port port) =>
        port.Artifact == ArtifactKind.Model ? "model:NAME" : $"STAGE.{port.Artifact.ToString().ToLowerInvariant()}";

    [GeneratedRegex(@"^([^.:\s/]+)\.([^.:\s/]+)\z")]
    private static partial Regex OutputForm();
}

using System.CommandLine;
using LoraAspire.Faults;
using LoraAspire.Faults.Cells;

var only =
    new Option<string[]>("--only") { Description = "Cells whose name holds one of these words", AllowMultipleArgumentsPerToken = true };
var few = new Option<bool>("--short") { Description = "One or two cells of each kind: minutes instead of half an hour" };
var list = new Option<bool>("--list") { Description = "Say which cells there are" };
var root = new RootCommand(
    "Does to the running app what may happen to it: each cell is one fault at one moment of a real run, which must end with the digests "
        + "of an undisturbed one, "
    + "or fail in words; and the next run must succeed. The last line printed is one JSON object: cells, failed, skipped.") { only, few,
        list };
root.SetAction(async (parsed, cancellationToken) =>
{
    var words = parsed.GetValue(only) ?? [];
    var cells = ProcessFaults.Cells().Concat(DiskFaults.Cells()).Concat(StreamFaults.Cells()).Concat(PairFaults.Cells())
        .Where(cell => (words.Length == 0 || words.Any(word => cell.Name.Contains(word, StringComparison.OrdinalIgnoreCase)))
            && (cell.Short || !parsed.GetValue(few)))
        .ToList();
    if (parsed.GetValue(list))
    {
        cells.ForEach(cell => Console.WriteLine(cell.Name));
        return 0;
    }
    return MountNamespace.IsEntered ? await Matrix.RunAsync(cells, cancellationToken) : await MountNamespace.EnterAsync(args);
});
return await root.Parse(args).InvokeAsync();

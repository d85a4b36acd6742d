using LoraAspire.Chat.Models;
using LoraAspire.Model;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Chat;

/// <summary>
/// Puts a model behind this service under a name. It is loaded once, so that a model that can't answer fails here and not in a chat.
/// </summary>
public sealed class ChatStage(ModelCatalog catalog, ModelPool pool) : IStage<ChatParams>
{
    public async Task RunAsync(StageContext<ChatParams> context, CancellationToken cancellationToken)
    {
        var name = context.With.ModelName ?? context.PipelineName;
        var source = new ModelSource(context.Inputs["model"]);
        try
        {
            using (var lease = await pool.RentAsync(source, cancellationToken))
            {
                if (lease.Model.Warning is { } warning)
                {
                    context.Report.Report(new StageProgress(Message: warning));
                }
                catalog.Deploy(name, source);
            }
        }
        catch (Exception error) when (error is ModelException or ArgumentException)
        {
            throw new StageException(error.Message, inner: error);
        }
        context.Report.Report(new StageProgress(Message: $"serving as '{name}'"));
    }

    public IEnumerable<Finding> Check(StageCheck<ChatParams> given) =>
        given.Inputs.SelectMany(input => ModelCheck.Problems(input.Value).Select(problem => new Finding(input.Key, problem)));
}

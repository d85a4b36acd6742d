using LoraAspire.Chat;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.Ollama;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Hosting;
using LoraAspire.ServiceDefaults;
using LoraAspire.ServiceDefaults.Access;
using Microsoft.Extensions.AI;
using OpenTelemetry.Metrics;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.AddServiceDefaults();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = AccessLimits.ConversationBody);
if (StageHost.IsCommand(args) || builder.Configuration.GetConnectionString("redis") is not null)
{
    builder.AddWorkerGpus();
    builder.AddStageInProcess<ChatParams, ChatStage>(StageKinds.Chat);
}
else
{
    // Without Redis it serves what lies in LORA_MODELS and what was deployed before.
    builder.Services.AddSingleton(LoraPaths.From(builder.Configuration));
}
builder.Services.AddSingleton<ModelCatalog>();
builder.Services.AddSingleton(IdleTime.From(builder.Configuration));
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton<ModelPool>();
builder.Services.AddSingleton<ModelRunner>();
builder.Services.AddSingleton<LocalChatClient>();
// gen_ai spans and metrics; what was said only where OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true asks for it.
builder.Services.AddChatClient(services => services.GetRequiredService<LocalChatClient>()).UseOpenTelemetry(sourceName: "LoraAspire.Chat");
builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddPrometheusExporter());

var app = builder.Build();
app.UseMiddleware<ErrorShape>();
app.UsePageSecurity();
app.UseStaticFiles();
app.MapDefaultEndpoints();
app.MapPrometheusScrapingEndpoint();
app.MapModels();
app.MapChatCompletions();
app.MapCompletions();
app.MapEmbeddings();
app.MapResponses();
app.MapTokens();
app.MapOllama();
app.MapApiPage();
return await app.RunStageAsync(args);
